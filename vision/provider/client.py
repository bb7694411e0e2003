"""Calls to one provider: the official SDK off its slow paths. One attempt a call; who calls decides what comes next."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx2
import openai

from vision.errors import ProviderError
from vision.provider.catalogue import Provider
from vision.provider.failures import Failure, Then, classify, classify_failed
from vision.provider.replies import Failed, Reply, read


@dataclass(frozen=True, slots=True)
class Called:
    """How a call ended: a reply or a failure, and what the provider said of the limit."""

    reply: Reply | None
    failure: Failure | None
    request_id: str | None = None
    remaining_tokens: int | None = None
    remaining_requests: int | None = None


class Client:
    """Keep-alive connections to one provider; use it in one event loop only."""

    def __init__(self, provider: Provider, *, timeout_seconds: float, connections: int) -> None:
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        timeout = httpx2.Timeout(timeout_seconds, connect=10.0)
        self._api = provider.api
        self._sdk = openai.AsyncOpenAI(
            api_key=provider.api_key.get_secret_value(),
            base_url=provider.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAioHttpClient(limits=limits, timeout=timeout, base_url=provider.base_url),
        )

    async def call(self, path: str, body: bytes, attempt_id: str) -> Called:
        """Send one request; every way it can end is a value, not an exception."""
        headers = {"Content-Type": "application/json", "X-Client-Request-Id": attempt_id}
        try:
            response = await self._sdk.post(path, cast_to=httpx2.Response, content=body, options={"headers": headers})
        except openai.APIStatusError as error:
            return _ended(error.response, failure=classify(error.status_code, error.body, error.response.headers))
        except openai.APITimeoutError:
            return Called(
                None, Failure(Then.LATER, "upstream_timeout", "The provider did not answer in time.", unknown_cost=True)
            )
        except openai.APIConnectionError as error:
            return Called(None, _disconnected(error))
        try:
            return _ended(response, reply=read(self._api, response.content))
        except Failed as error:
            return _ended(response, failure=classify_failed(error.error, response.headers, charged=error.charged))
        except ProviderError as error:
            failure = Failure(Then.LATER, error.code, error.message, status=200, unknown_cost=True)
            return _ended(response, failure=failure)

    async def close(self) -> None:
        """Close the connections."""
        await self._sdk.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _ended(response: httpx2.Response, *, reply: Reply | None = None, failure: Failure | None = None) -> Called:
    headers = response.headers
    return Called(
        reply=reply,
        failure=failure,
        request_id=headers.get("x-request-id"),
        remaining_tokens=_number(headers.get("x-ratelimit-remaining-tokens")),
        remaining_requests=_number(headers.get("x-ratelimit-remaining-requests")),
    )


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() else None


def _disconnected(error: openai.APIConnectionError) -> Failure:
    """A connection that was never made cost nothing; one that broke may have been served."""
    never_connected = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
    message = "The provider could not be reached." if never_connected else "The connection to the provider broke."
    return Failure(Then.LATER, "upstream_unreachable", message, unknown_cost=not never_connected)
