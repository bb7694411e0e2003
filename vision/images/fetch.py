"""Fetches bytes from a URL that a caller sent: bounded in time, size, redirects and load on the host."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from vision.errors import ImageError, Retry
from vision.images.host import HostFailed
from vision.images.hosts import Hosts
from vision.images.responses import PIECE, decompressed, read_head, require_image, unreachable
from vision.outbound.guard import Blocked, Guard

MAX_REDIRECTS = 3
CONNECT_SECONDS = 5.0
FIRST_BYTE_SECONDS = 10.0
HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity"}

_Read = Callable[[aiohttp.ClientResponse], Awaitable[tuple[bytes, bool]]]


@dataclass(frozen=True)
class Sender:
    """Who asks. `contact`: an address for the User-Agent, which some hosts require. `headers`: by host, `*` for all."""

    contact: str | None = None
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def user_agent(self) -> str:
        """With the contact, if there is one."""
        return f"Tessera/0.1 (image fetch{f'; {self.contact}' if self.contact else ''})"

    def headers_for(self, host: str | None) -> dict[str, str]:
        """Further headers of a request to this host; after a redirect, those of the other host."""
        return {**self.headers.get("*", {}), **self.headers.get(host or "", {})}


NOBODY = Sender()


class Fetcher:
    """Fetches images from addresses that the guard allows; HostBusy while a host takes no request.

    `seconds` limits the time that hosts take for one image; waiting for a turn does not count.
    """

    def __init__(
        self,
        guard: Guard,
        max_bytes: int = 20_000_000,
        seconds: float = 30,
        per_host: int = 8,
        concurrency: int = 64,
        sender: Sender = NOBODY,
    ) -> None:
        self.max_bytes = max_bytes
        self._sender = sender
        self._guard, self._seconds = guard, seconds
        self._hosts = Hosts(per_host, concurrency)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=self._guard.connector(limit=0, ttl_dns_cache=30),
            timeout=aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_read=FIRST_BYTE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={**HEADERS, "User-Agent": self._sender.user_agent},
            trust_env=False,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def fetch(self, url: str) -> bytes:
        """The whole body; ImageError image_unreachable, image_blocked, image_too_large or image_unsupported."""
        data, _ = await self._get(url, {}, self._read_all, self._seconds)
        return data

    async def head(self, url: str, size: int, seconds: float | None = None) -> tuple[bytes, bool]:
        """The first `size` bytes, and whether they are all, even if the server ignores ranges; errors as `fetch`."""

        async def read(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
            return await read_head(response, size)

        return await self._get(url, {"Range": f"bytes=0-{size - 1}"}, read, seconds or self._seconds)

    async def _get(self, url: str, headers: dict[str, str], read: _Read, left: float) -> tuple[bytes, bool]:
        target = self._check(url)
        for _ in range(MAX_REDIRECTS + 1):
            async with self._hosts.turn(target):
                began = time.monotonic()
                found = await self._hop(target, headers, read, left)
                left -= time.monotonic() - began
            if not isinstance(found, str):
                return found
            target = self._next(target, found)
        raise unreachable("The image's server redirects too often.", Retry.NEVER)

    async def _hop(self, target: URL, headers: dict[str, str], read: _Read, seconds: float) -> tuple[bytes, bool] | str:
        """One request: what `read` makes of the response, or the location that it redirects to."""
        if self._session is None:
            raise RuntimeError("Fetcher is used outside of `async with`")
        answered = False
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.get(
                    target, headers=self._sender.headers_for(target.host) | headers, allow_redirects=False
                ) as response,
            ):
                answered = True
                if response.status in (301, 302, 303, 307, 308):
                    return response.headers.get("Location", "").strip()
                require_image(response)
                return await read(response)
        except Blocked as error:
            raise _blocked(error) from None
        except TimeoutError:
            if answered:
                raise unreachable("The image did not come in time.", Retry.LATER) from None
            raise HostFailed("The image's server did not answer in time.") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise HostFailed("The image's server could not be reached.") from None

    async def _read_all(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        too_large = ImageError(f"The image is larger than {self.max_bytes:,} bytes. Shrink it.", code="image_too_large")
        if (response.content_length or 0) > self.max_bytes:
            raise too_large
        data = bytearray()
        async for piece in response.content.iter_chunked(PIECE):
            data += piece
            if len(data) > self.max_bytes:
                raise too_large
        plain = decompressed(bytes(data), response, self.max_bytes + 1)
        if len(plain) > self.max_bytes:
            raise too_large
        return plain, True

    def _check(self, url: str) -> URL:
        try:
            return self._guard.check(url)
        except Blocked as error:
            raise _blocked(error) from None

    def _next(self, current: URL, location: str) -> URL:
        try:
            target = self._check(str(current.join(URL(_encoded(location), encoded=True))))
        except ValueError:
            raise unreachable("The image's server redirects to no usable URL.", Retry.NEVER) from None
        if current.scheme == "https" and target.scheme != "https":
            raise ImageError("The image's server redirects from https to http.", code="image_blocked")
        return target


def _encoded(location: str) -> str:
    """A Location as browsers take it: spaces and other characters percent-encoded, the rest as it is."""
    return quote(location.encode("utf-8", "surrogateescape"), safe="%/:?#[]@!$&'()*+,;=~-._")


def _blocked(error: Blocked) -> ImageError:
    return ImageError(error.message, code="image_blocked")
