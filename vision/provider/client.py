"""Sends requests to one provider: bytes to a path; status, headers and bytes come back. One attempt a request.

The official SDK sets address, key and headers. aiohttp sends the bytes; the SDK's own `post` would take nearly four
times the CPU (docs/decisions/0015-who-carries-the-calls.md).
"""

from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Self

import aiohttp
import httpx2
import openai
from multidict import CIMultiDict
from pydantic import SecretStr

from vision.provider.call_result import Response
from vision.provider.catalogue import Provider
from vision.provider.failures import Failure, Then
from vision.provider.proxy import proxy_for

CONNECT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 4.0
"""Shorter than the five seconds of common servers, so that the server never closes a connection under a call."""

LARGEST_BODY = 32 * 1024**2
"""Bytes of a response."""
UNTRUSTED = (
    "The provider's certificate is not trusted. Put its authority into the system's certificates, or name its file in "
    "SSL_CERT_FILE."
)

_NEVER_CONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


class Client:
    """Keep-alive connections to one provider, one for each call in flight; create it in the event loop that uses it."""

    def __init__(self, provider: Provider, *, timeout_seconds: float) -> None:
        self._sdk = _sdk(provider)
        self._base_url = str(self._sdk.base_url.copy_with(query=None)).rstrip("/")
        self._query = _revealed(provider.query) | dict(self._sdk.base_url.params)
        tls = httpx2.create_ssl_context()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=tls),
            headers=_headers(self._sdk, provider),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=proxy_for(self._sdk.base_url),
        )

    async def post(
        self, path: str, body: bytes, attempt_id: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Response | Failure:
        """Send one request, with the headers of its kind; a failure is returned, not raised."""
        url, headers = self._base_url + path, {**headers, "X-Client-Request-Id": attempt_id}
        try:
            async with self._session.post(
                url, data=body, headers=headers, params=self._query, allow_redirects=False
            ) as response:
                return Response(response.status, response.headers, await _read(response))
        except aiohttp.ClientConnectorCertificateError:
            return Failure(Then.DOWN, "upstream_unreachable", UNTRUSTED, unsent=True)
        except _NEVER_CONNECTED:
            message = "The provider could not be reached."
            return Failure(Then.DOWN, "upstream_unreachable", message, unsent=True)
        except TimeoutError:
            message = "The provider did not answer in time."
            return Failure(Then.LATER, "upstream_timeout", message, unknown_cost=True)
        except (aiohttp.ClientError, OSError):
            # The provider may have received it.
            message = "The connection to the provider broke."
            return Failure(Then.LATER, "upstream_unreachable", message, unknown_cost=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
        await self._sdk.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _sdk(provider: Provider) -> openai.AsyncOpenAI:
    """The SDK without settings from the environment: these are meant for OpenAI, and the provider may be a relay."""
    sdk = openai.AsyncOpenAI(
        api_key=provider.api_key.get_secret_value(),
        base_url=provider.base_url,
        organization=provider.account.organization or "",
        project=provider.account.project or "",
    )
    sdk._custom_headers = {}  # noqa: SLF001 - OPENAI_CUSTOM_HEADERS, which no argument turns off
    return sdk


def _headers(sdk: openai.AsyncOpenAI, provider: Provider) -> CIMultiDict[str]:
    """Headers of every call: key, user agent and, to OpenAI, organisation and project; nothing about the machine.

    What providers.toml states takes the place of the same header here; an empty value takes it away.
    """
    headers = {**sdk.default_headers, **sdk.auth_headers, "Content-Type": "application/json"}
    if sdk.base_url.userinfo:
        del headers["Authorization"]  # the address has a user and password instead of the key
    elif provider.api == "messages":
        del headers["Authorization"]
        headers["x-api-key"] = provider.api_key.get_secret_value()
    filled = {name: value for name, value in headers.items() if isinstance(value, str) and value}
    ours = CIMultiDict({name: value for name, value in filled.items() if not name.lower().startswith("x-stainless")})
    for name, value in _revealed(provider.headers).items():
        ours.popall(name, None)
        if value:
            ours[name] = value
    return ours


def _revealed(values: Mapping[str, SecretStr]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in values.items()}


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body; aiohttp.ClientPayloadError if it is larger than any answer."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > LARGEST_BODY:
            raise aiohttp.ClientPayloadError
        parts.append(part)
    return b"".join(parts)
