"""Limits connections to the API: their number, and the time for a request's head."""

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api import errors

HEAD_SECONDS = 20.0
"""From its opening, or from the last answer, to the end of a request's head. (Bodies: arrival.py.)"""
FULL = orjson.dumps(errors.problem(503, "overloaded", "Too many connections are open. Nothing was changed; try again."))
FULL_HEAD = (
    f"HTTP/1.1 503 Service Unavailable\r\ncontent-type: {errors.MEDIA_TYPE}\r\ncontent-length: {len(FULL)}\r\n"
    f"retry-after: {errors.RETRY_AFTER_SECONDS}\r\nconnection: close\r\n\r\n"
).encode()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with a time limit for heads, and with `limit_concurrency` as a limit of connections."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._most, self.limit_concurrency = self.limit_concurrency, None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head, or close the connection if there are too many."""
        super().connection_made(transport)
        if self._most is not None and len(self.connections) > self._most:
            transport.write(FULL_HEAD + FULL)
            transport.close()
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """The head has arrived."""
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next one, if it is not there already."""
        has_next = bool(self.pipeline)
        super().on_response_complete()
        if not has_next and not self.transport.is_closing():
            self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
