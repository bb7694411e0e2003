"""Calls to one provider. One attempt a call; who calls decides what comes next.

Who we are to the provider (address, key, headers) the official SDK says; the bytes go out over aiohttp, which the SDK's
own `post` would come down to as well, four times dearer: it makes a request model, two header maps and a response model
for each call.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import httpx2
import openai
import orjson

from vision.errors import ProviderError
from vision.provider.catalogue import Provider
from vision.provider.failures import Failure, Then, classify, classify_failed
from vision.provider.headers import UNSAID, RateLimits
from vision.provider.headers import read as read_limits
from vision.provider.proxy import proxy_for
from vision.provider.replies import Failed, Reply, read

CONNECT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 4.0
"""Less than common servers keep a connection that is not used (five): who closes first cannot cut off a call."""

_NEVER_CONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


@dataclass(frozen=True, slots=True)
class Called:
    """How a call ended: a reply or a failure, and what the provider said of the limit."""

    reply: Reply | None
    failure: Failure | None
    request_id: str | None = None
    limits: RateLimits = UNSAID


class Client:
    """Keep-alive connections to one provider, as many as calls are in flight; make it in the loop that uses it."""

    def __init__(self, provider: Provider, *, timeout_seconds: float) -> None:
        self._api = provider.api
        self._sdk = _sdk(provider)
        self._base_url = str(self._sdk.base_url).rstrip("/")
        tls = httpx2.create_ssl_context()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=tls),
            headers=_headers(self._sdk),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=proxy_for(self._sdk.base_url),
        )

    async def call(self, path: str, body: bytes, attempt_id: str) -> Called:
        """Send one request; every way it can end is a value, not an exception."""
        url, headers = self._base_url + path, {"X-Client-Request-Id": attempt_id}
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                content = await response.read()
        except _NEVER_CONNECTED:
            message = "The provider could not be reached."
            return Called(None, Failure(Then.DOWN, "upstream_unreachable", message, unsent=True))
        except TimeoutError:
            message = "The provider did not answer in time."
            return Called(None, Failure(Then.LATER, "upstream_timeout", message, unknown_cost=True))
        except (aiohttp.ClientError, OSError):
            # It may have been served.
            message = "The connection to the provider broke."
            return Called(None, Failure(Then.LATER, "upstream_unreachable", message, unknown_cost=True))
        return self._ended(response, content)

    def _ended(self, response: aiohttp.ClientResponse, content: bytes) -> Called:
        if response.status // 100 != 2:
            return _ended(response, failure=classify(response.status, _json(content), response.headers))
        try:
            return _ended(response, reply=read(self._api, content))
        except Failed as error:
            return _ended(response, failure=classify_failed(error.error, response.headers, charged=error.charged))
        except ProviderError as error:
            failure = Failure(Then.LATER, error.code, error.message, status=response.status, unknown_cost=True)
            return _ended(response, failure=failure)

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
    """The SDK without what it takes out of the environment: that is meant for OpenAI, and this may be a relay."""
    sdk = openai.AsyncOpenAI(
        api_key=provider.api_key.get_secret_value(),
        base_url=provider.base_url,
        organization=provider.account.organization or "",
        project=provider.account.project or "",
    )
    sdk._custom_headers = {}  # noqa: SLF001 - OPENAI_CUSTOM_HEADERS, which no argument keeps out
    return sdk


def _headers(sdk: openai.AsyncOpenAI) -> dict[str, str]:
    """What every call tells of us: key, user agent and, to OpenAI, organisation and project; nothing of the machine."""
    headers = {**sdk.default_headers, **sdk.auth_headers, "Content-Type": "application/json"}
    if sdk.base_url.userinfo:
        del headers["Authorization"]  # a user in the address takes the key's place
    told = {name: value for name, value in headers.items() if isinstance(value, str) and value}
    return {name: value for name, value in told.items() if not name.lower().startswith("x-stainless")}


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _ended(response: aiohttp.ClientResponse, *, reply: Reply | None = None, failure: Failure | None = None) -> Called:
    headers = response.headers
    return Called(
        reply=reply,
        failure=failure,
        request_id=_storable(headers.get("x-request-id")),
        limits=read_limits(headers),
    )


def _storable(value: str | None) -> str | None:
    """What is stored beside an answer must not keep it from being stored."""
    return value[:200] if value and value.isascii() and value.isprintable() else None
