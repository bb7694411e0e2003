"""What comes in over real sockets: nothing is read for strangers, and nothing without bounds for anybody."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
import uvicorn
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import ROUTERS, create_app
from api.middleware import arrival, connections
from api.middleware.connections import Connection
from api.middleware.throttle import MOST
from tests.integration.api.conftest import ADMIN_KEY
from tests.integration.api.test_access import ROUTES, make_key
from vision.settings import Settings
from vision.storage import keys

ENDLESS = "content-length: 10000000000"
CHUNKED = "transfer-encoding: chunked"
JSON = "content-type: application/json"
NDJSON = "content-type: application/x-ndjson"
MINE = f"authorization: Bearer {ADMIN_KEY}"


class Client:
    """A connection that says what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes | str) -> None:
        """Bytes as they are."""
        self._writer.write(data if isinstance(data, bytes) else data.encode())
        await self._writer.drain()

    async def head(self, method: str, path: str, *headers: str) -> None:
        """A request's head."""
        await self.send("\r\n".join([f"{method} {path} HTTP/1.1", "host: tessera", *headers, "", ""]))

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body."""
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await self._reader.readexactly(int(headers["content-length"]))
        return int(lines[0].split()[1]), headers, orjson.loads(body)

    async def rest(self) -> bytes:
        """All until the end of the connection."""
        return await self._reader.read()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


@pytest.fixture
async def port(settings: Settings) -> AsyncIterator[int]:
    """The application behind uvicorn, as `python -m api` runs it."""
    config = uvicorn.Config(
        create_app(settings), http=Connection, ws="none", limit_concurrency=20, log_config=None, access_log=False
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


@pytest.mark.parametrize(
    "key",
    ["", "authorization: Bearer wrong", f"authorization: Bearer {keys.generate()}"],
    ids=["none", "wrong", "unknown"],
)
async def test_a_stranger_is_refused_before_a_byte_of_the_body(port: int, key: str) -> None:
    for method, path in [(method, path) for method, path, _ in ROUTES] + [
        ("POST", "/nowhere"),
        ("GET", "/openapi.json"),
    ]:
        async with connected(port) as client:
            await client.head(method, path, ENDLESS, JSON, *filter(None, [key]))
            status, headers, body = await client.answer()
        assert status in {401, 429}, path
        assert headers["connection"] == "close"
        assert body["error"]["code"] in {"invalid_api_key", "too_many_wrong_keys"}


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        ("/v1/keys", JSON, "too_large"),
        ("/v1/jobs", JSON, "too_large"),
        ("/v1/jobs?preset=ocr", NDJSON, "file_too_large"),
        ("/v1/estimates", JSON, "too_large"),
        ("/v1/files", "content-type: multipart/form-data; boundary=x", "file_too_large"),
    ],
)
async def test_a_body_that_is_said_to_be_too_large_is_not_read(port: int, path: str, kind: str, code: str) -> None:
    async with connected(port) as client:
        await client.head("POST", path, MINE, kind, ENDLESS)
        status, headers, body = await client.answer()
    assert (status, headers["connection"], body["error"]["code"]) == (413, "close", code)


async def test_a_body_without_a_length_is_counted_as_it_arrives(port: int) -> None:
    piece = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
    async with connected(port) as client:
        await client.head("POST", "/v1/keys", MINE, JSON, CHUNKED)
        for _ in range(17):
            await client.send(piece)
        status, _, body = await client.answer()
    assert (status, body["error"]["code"]) == (413, "too_large")


async def test_who_sends_on_regardless_still_gets_the_answer(port: int) -> None:
    """A connection that is closed on unread bytes is reset, and the answer with it."""
    async with connected(port) as client:
        await client.head("POST", "/v1/files", JSON, f"content-length: {8 * 1024**2}")
        for _ in range(128):
            await client.send(b" " * 65_536)
        assert (await client.answer())[0] == 401
        assert await client.rest() == b""


async def test_a_short_body_that_nobody_reads_costs_no_connection(port: int) -> None:
    async with connected(port) as client:
        for _ in range(3):
            await client.head("POST", f"/v1/jobs/job_{'0' * 32}/pause", MINE, JSON, "content-length: 2")
            await client.send("{}")
            status, headers, _ = await client.answer()
            assert (status, headers.get("connection")) == (404, None)


async def test_a_body_that_stops_arriving_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "STALL_SECONDS", 0.2)
    async with connected(port) as client:
        await client.head("POST", "/v1/jobs", MINE, JSON, "content-length: 100")
        await client.send(b"{")
        status, headers, body = await client.answer()
    assert (status, headers["connection"], body["error"]["code"]) == (408, "close", "request_timeout")


async def test_a_body_that_trickles_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "STALL_SECONDS", 1.0)
    async with connected(port) as client:
        await client.head("POST", "/v1/jobs?preset=ocr", MINE, NDJSON, "content-length: 100000")

        async def trickle() -> None:
            while True:
                await client.send(b" ")
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        status, _, body = await client.answer()
        trickling.cancel()
    assert (status, body["error"]["code"]) == (408, "request_timeout")


async def test_a_head_that_does_not_come_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    async with connected(port) as silent, connected(port) as half:
        await half.send("GET /healthz HTTP/1.1\r\nhost:")
        assert await silent.rest() == b""
        assert await half.rest() == b""


async def test_more_connections_than_allowed_are_sent_away(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
    async with connected(port) as client:
        status, headers, body = await client.answer()
    assert (status, headers["retry-after"], body["error"]["code"]) == (503, "2", "overloaded")
    for _, writer in held:
        writer.transport.abort()
    while True:
        async with connected(port) as client:
            await client.head("GET", "/healthz")
            if (await client.answer())[0] == 200:
                break


async def test_wrong_keys_are_throttled_and_right_ones_are_not(port: int, engine: AsyncEngine) -> None:
    good = await make_key(engine, "default", "admin")

    async def ask(key: str) -> tuple[int, dict[str, str], Any]:
        async with connected(port) as client:
            await client.head("GET", "/v1/keys", *([f"authorization: Bearer {key}"] if key else []))
            return await client.answer()

    assert [(await ask("a-guess"))[0] for _ in range(MOST)] == [401] * MOST
    for wrong in ("a-guess", keys.generate(), ADMIN_KEY):
        status, headers, body = await ask(wrong)
        assert (status, body["error"]["code"]) == (429, "too_many_wrong_keys"), wrong
        assert (headers["retry-after"], headers["x-should-retry"]) == ("60", "false")
    assert (await ask(good))[0] == 200
    assert (await ask(""))[0] == 401


def test_no_route_has_its_body_read_by_the_framework() -> None:
    """It would take numbers that cannot be stored, and answer 400 to a body that is too large."""
    assert [route.path for router in ROUTERS for route in router.routes if getattr(route, "body_field", None)] == []
    assert all(isinstance(route, APIRoute) for router in ROUTERS for route in router.routes)
