"""A request's body as it arrives: counted, timed, and not waited for once the answer is known.

Nothing of a body is read before somebody asks for it, and whoever asks has a small limit unless the route says more.
"""

import asyncio
from dataclasses import dataclass
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vision.errors import InvalidRequest, TooLarge

STALL_SECONDS = 30.0
"""A body may make no progress for so long, and lag so far behind SLOWEST."""
SLOWEST = 1_024
"""Bytes a second."""
LINGER_SECONDS, LINGER_BYTES = 2.0, 16 * 1024**2
"""For what a sender has under way when it is answered early: a connection closed in its face would lose the answer."""
TAIL_BYTES = 64 * 1024
"""A body of so little may follow its answer without ending the connection."""


@dataclass(frozen=True)
class Limit:
    """How large a body may be, and what to say of a larger one."""

    max_bytes: int
    message: str
    code: str = TooLarge.code


SMALL = Limit(1024**2, "The body is larger than 1 MB, which is more than this route reads.")


class BodyLimits:
    """Middleware; the body is `request.state.arrival`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a body that is counted and timed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrival = scope.setdefault("state", {})["arrival"] = Arrival(Headers(scope=scope), receive, send)
        await self._app(scope, arrival.receive, arrival.send)


class Arrival:
    """One request's body, and the answer's way out. Raises TooLarge, or `request_timeout`, to whoever reads."""

    def __init__(self, headers: Headers, receive: Receive, send: Send) -> None:
        length = headers.get("content-length", "0")
        chunked = "transfer-encoding" in headers
        self.limit = SMALL
        """To be raised, before reading, by routes that take more."""
        self._told = int(length) if length.isdecimal() and not chunked else 0
        self._is_tail = not chunked and self._told <= TAIL_BYTES
        self._ended = not self._told and not chunked
        self._answered = False
        self._bytes = 0
        self._waited = 0.0
        self._receive, self._send = receive, send

    async def receive(self) -> Message:
        """The next piece, or the news that the client has gone."""
        if self._ended or self._answered:
            return await self._receive()
        if self._told > self.limit.max_bytes:
            raise self._too_large()
        message = await self._next()
        self._count(message)
        if self._bytes > self.limit.max_bytes:
            raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer; at the end of an early one, see the rest of the body off."""
        if message["type"] == "http.response.start":
            self._answered = True
            if not self._ended and not self._is_tail:
                MutableHeaders(scope=message)["connection"] = "close"
        elif not message.get("more_body", False) and not self._ended and not self._is_tail:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _next(self) -> Message:
        lag = self._waited - self._bytes / SLOWEST
        began = monotonic()
        try:
            async with asyncio.timeout(min(STALL_SECONDS, STALL_SECONDS - lag)):
                return await self._receive()
        except TimeoutError:
            self._is_tail = False
            raise InvalidRequest(
                "The body arrives too slowly, or has stopped arriving. Send the request again.", code="request_timeout"
            ) from None
        finally:
            self._waited += monotonic() - began

    async def _linger(self) -> None:
        most = self._bytes + LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._ended and self._bytes < most:
                    self._count(await self._receive())
        except TimeoutError:
            return

    def _count(self, message: Message) -> None:
        self._bytes += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)

    def _too_large(self) -> TooLarge:
        return TooLarge(self.limit.message, code=self.limit.code)
