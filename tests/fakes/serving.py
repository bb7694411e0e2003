"""A small, fast HTTP/1.1 server for the fakes: one asyncio protocol over httptools.

Not aiohttp.web: a fake must never be the bottleneck of a benchmark, and scripted faults need the bare wire.
"""

import argparse
import asyncio
import os
import socket
import struct
import sys
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

import httptools
import orjson
import uvloop

REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Reply:
    """An answer with its whole body at hand."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def head(self, length: int | None = None) -> bytes:
        """Status line and headers, for a body of `length` bytes (default: the body's own)."""
        size = len(self.body) if length is None else length
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        return (
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}\r\n"
            f"content-type: {self.content_type}\r\ncontent-length: {size}\r\n{lines}\r\n"
        ).encode("latin-1")


@dataclass
class Request:
    """One complete request; header names are lower case."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool
    wire: "Connection"

    @cached_property
    def query(self) -> dict[str, str]:
        """The last value of each parameter."""
        return {name: values[-1] for name, values in parse_qs(self.query_string).items()}

    def json(self) -> Any:
        """The body as JSON; ValueError when it is not."""
        return orjson.loads(self.body)


# None: the handler wrote to `request.wire` itself, and the connection ends.
Handler = Callable[[Request], Awaitable[Reply | None]]


def as_json(value: Any, status: int = 200) -> Reply:
    """A JSON reply, for admin routes."""
    return Reply(status, orjson.dumps(value))


class Connection(asyncio.Protocol):
    """One client connection; its requests are answered in order."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._parser: Any = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        method, keep_alive = self._parser.get_method().decode(), self._parser.should_keep_alive()
        body = b"".join(self._body)
        request = Request(method, unquote(path), query, self._headers, body, keep_alive, self)
        self._waiting.append(request)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer())

    async def _answer(self) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            reply = await self._handled(request)
            if reply is None:
                self.transport.close()
                return
            self.transport.write(reply.head() + (b"" if request.method == "HEAD" else reply.body))
            if not request.keep_alive:
                self.transport.close()
        self._task = None

    async def _handled(self, request: Request) -> Reply | None:
        try:
            return await self._handler(request)
        except Exception:  # noqa: BLE001  (a bug of the fake must be seen, and must not hang its client)
            traceback.print_exc()
            return Reply(500, b"The fake itself failed; see its stderr.", content_type="text/plain")

    async def send(self, data: bytes) -> None:
        """Write raw bytes, waiting while the client does not read."""
        await self._writable.wait()
        self.transport.write(data)

    def reset(self) -> None:
        """End the connection with RST: what was not read yet is lost."""
        number = self.transport.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(number)) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def arguments(description: str) -> argparse.ArgumentParser:
    """The flags that every fake has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="0: any free one; printed as JSON")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="stop when this process is gone")
    return parser


def run(handler: Handler, options: argparse.Namespace) -> None:
    """Serve on loopback until the parent process is gone."""
    uvloop.run(_serve(handler, options.port, options.parent))


async def _serve(handler: Handler, port: int, parent: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler), "127.0.0.1", port, backlog=4096)
    sys.stdout.write(f'{{"port": {server.sockets[0].getsockname()[1]}}}\n')
    sys.stdout.flush()
    while os.getppid() == parent:
        await asyncio.sleep(0.3)
