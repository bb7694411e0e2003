"""Fetching over real sockets on loopback, from servers that do everything wrong."""

import asyncio
import contextlib
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.fakes import images
from vision.errors import ImageError, Retry
from vision.files.folder import Folder
from vision.images import host as image_host
from vision.images.fetch import Fetcher, Sender
from vision.images.host import HostBusy, HostFailed
from vision.images.source import Images
from vision.outbound.guard import Guard

PHOTO = images.jpeg(640, 480)
LONG = images.jpeg_with_segments(400_000)
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _photo(request: web.Request) -> web.StreamResponse:
    return web.Response(body=PHOTO, content_type=request.query.get("type", "image/jpeg"))


async def _status(request: web.Request) -> web.StreamResponse:
    return web.Response(status=int(request.match_info["status"]), text="secret words")


async def _later(request: web.Request) -> web.StreamResponse:
    return web.Response(status=503, headers={"Retry-After": request.query["after"]})


async def _to(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": request.query["url"]})


async def _chain(request: web.Request) -> web.StreamResponse:
    left = int(request.match_info["left"])
    return web.Response(status=307, headers={"Location": f"/chain/{left - 1}" if left > 1 else "/photo"})


async def _rangeless(request: web.Request) -> web.StreamResponse:
    return web.Response(status=416) if "Range" in request.headers else web.Response(body=PHOTO)


async def _ranged(request: web.Request) -> web.StreamResponse:
    if "Range" not in request.headers:
        return web.Response(body=LONG)
    span = request.http_range
    part = LONG[span]
    begin = span.start or 0
    return web.Response(
        status=206,
        body=part,
        headers={"Content-Range": f"bytes {begin}-{begin + len(part) - 1}/{len(LONG)}"},
    )


async def _zipped(request: web.Request) -> web.StreamResponse:
    return web.Response(body=gzip.compress(PHOTO), headers={"Content-Encoding": "gzip"})


async def _zip_bomb(request: web.Request) -> web.StreamResponse:
    return web.Response(body=gzip.compress(b"\0" * 60_000_000), headers={"Content-Encoding": "gzip"})


async def _misnamed(request: web.Request) -> web.StreamResponse:
    return web.Response(body=PHOTO, headers={"Content-Encoding": "aws-chunked,utf-8"})


async def _to_spaces(request: web.Request) -> web.StreamResponse:
    response = web.Response(status=302)
    response.headers["Location"] = "/a photo of \u00fc.jpg"
    return response


async def _headers(request: web.Request) -> web.StreamResponse:
    return web.Response(body=orjson.dumps({str(name): value for name, value in request.headers.items()}))


class Site:
    """A web server, and what it saw."""

    def __init__(self) -> None:
        self.busy = self.busiest = 0
        self.crowd = 0
        self.crowded = asyncio.Event()
        self.sent = 0
        self.ended = asyncio.Event()
        app = web.Application()
        app.router.add_get("/photo", _photo)
        app.router.add_get("/status/{status}", _status)
        app.router.add_get("/later", _later)
        app.router.add_get("/to", _to)
        app.router.add_get("/chain/{left}", _chain)
        app.router.add_get("/ranged", _ranged)
        app.router.add_get("/rangeless", _rangeless)
        app.router.add_get("/headers", _headers)
        app.router.add_get("/zipped", _zipped)
        app.router.add_get("/zip-bomb", _zip_bomb)
        app.router.add_get("/misnamed", _misnamed)
        app.router.add_get("/to-spaces", _to_spaces)
        app.router.add_get("/a photo of \u00fc.jpg", _photo)
        app.router.add_get("/slow", self._slow)
        app.router.add_get("/endless", self._endless)
        self.server = TestServer(app)

    def url(self, path: str) -> str:
        return str(self.server.make_url("/")) + path.removeprefix("/")

    async def _slow(self, request: web.Request) -> web.StreamResponse:
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        if self.busy >= self.crowd:
            self.crowded.set()
        await self.crowded.wait()
        await asyncio.sleep(0.1)
        self.busy -= 1
        return web.Response(body=PHOTO)

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            await response.write(PHOTO)
            while self.sent < 200_000_000:
                await response.write(b"\0" * 65_536)
                self.sent += 65_536
        except ConnectionError:
            pass
        finally:
            self.ended.set()
        return response


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with site.server:
        yield site


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(Guard(allow_private=True), max_bytes=2_000_000, seconds=60) as fetcher:
        yield fetcher


@pytest.fixture
async def hasty() -> AsyncIterator[Fetcher]:
    async with Fetcher(Guard(allow_private=True), max_bytes=2_000_000, seconds=1) as fetcher:
        yield fetcher


@contextlib.asynccontextmanager
async def raw(answer: Answer) -> AsyncIterator[str]:
    """A server that reads one request and then does as told with the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    served: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(
        lambda *connection: served.add(asyncio.create_task(serve(*connection))), "127.0.0.1", 0
    )
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await asyncio.wait(served, timeout=60)


async def refusal(work: Awaitable[object]) -> tuple[str, Retry]:
    with pytest.raises(ImageError) as caught:
        await work
    assert "secret" not in caught.value.message
    assert "127.0.0.1" not in caught.value.message
    return caught.value.code, caught.value.retry


async def test_fetches_whatever_the_content_type_says(site: Site, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(site.url("photo")) == PHOTO
    assert await fetcher.fetch(site.url("photo?type=text/html")) == PHOTO


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
async def test_these_answers_are_final(site: Site, fetcher: Fetcher, status: int) -> None:
    assert await refusal(fetcher.fetch(site.url(f"status/{status}"))) == ("image_unreachable", Retry.NEVER)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_these_answers_may_pass(site: Site, fetcher: Fetcher, status: int) -> None:
    assert await refusal(fetcher.fetch(site.url(f"status/{status}"))) == ("image_unreachable", Retry.LATER)


@pytest.mark.parametrize(
    "after", ["40", "Fri, 31 Dec 2100 23:59:59 GMT", format_datetime(datetime.now(UTC))], ids=["40", "far", "now"]
)
async def test_a_server_that_says_when_to_come_back_is_left_alone_until_then(
    site: Site, fetcher: Fetcher, after: str
) -> None:
    with pytest.raises(ImageError) as caught:
        await fetcher.fetch(str(site.server.make_url("/later").with_query(after=after)))
    soon = after not in ("40", "Fri, 31 Dec 2100 23:59:59 GMT")
    assert isinstance(caught.value, HostFailed if soon else HostBusy)
    if not soon:
        with pytest.raises(HostBusy) as again:
            await fetcher.fetch(site.url("photo"))
        assert 30 < again.value.seconds < 400


async def test_three_redirects_are_followed_and_no_more(site: Site, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(site.url("chain/3")) == PHOTO
    assert await refusal(fetcher.fetch(site.url("chain/4"))) == ("image_unreachable", Retry.NEVER)


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/", "http://[fe80::1]/", "file:///etc/passwd", "ftp://x.example/", "http://u:p@x/"],
)
async def test_redirects_pass_the_guard(site: Site, fetcher: Fetcher, target: str) -> None:
    assert await refusal(fetcher.fetch(site.url(f"to?url={target}"))) == ("image_blocked", Retry.NEVER)


async def test_redirects_never_leave_https(fetcher: Fetcher) -> None:
    with pytest.raises(ImageError, match="from https to http"):
        fetcher._next(URL("https://pictures.example/a"), "http://pictures.example/a")


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://017700000001/",
        "http://0/",
        "http://127.0.0.1./",
        "http://①②⑦.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0xa9fea9fe/",
        "http://pictures.0x7f.1/",
        "http://168.63.129.16/",
        "http://10.0.0.1/",
        "https://192.168.0.1/",
    ],
)
async def test_no_spelling_of_an_inner_address_is_reached(target: str) -> None:
    async with Fetcher(Guard(allow_private=False), seconds=60) as fetcher:
        assert await refusal(fetcher.fetch(target)) == ("image_blocked", Retry.NEVER)


class Names(AbstractResolver):
    """A name server of our own: what every name resolves to."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=6, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class NamedGuard(Guard):
    """The guard, with that name server."""

    def __init__(self, *addresses: str) -> None:
        super().__init__(allow_private=False)
        self.names = Names(*addresses)

    def connector(self, **options: object):  # type: ignore[no-untyped-def, override]  # only adds an argument
        return super().connector(resolver=self.names, **options)


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("1.1.1.1", "127.0.0.1"), ("10.0.0.1", "1.1.1.1")])
async def test_one_inner_address_rejects_a_name(addresses: tuple[str, ...]) -> None:
    async with Fetcher(NamedGuard(*addresses), seconds=60) as fetcher:
        assert await refusal(fetcher.fetch("https://pictures.example/a")) == ("image_blocked", Retry.NEVER)


async def test_an_unknown_name_may_be_known_later(hasty: Fetcher) -> None:
    assert await refusal(hasty.fetch("http://no-such-host.invalid/a")) == ("image_unreachable", Retry.LATER)


async def test_a_closed_port_may_open_later(fetcher: Fetcher) -> None:
    with socket.socket() as deaf:  # has the port, and does not listen
        deaf.bind(("127.0.0.1", 0))
        outcome = await refusal(fetcher.fetch(f"http://127.0.0.1:{deaf.getsockname()[1]}/"))
    assert outcome == ("image_unreachable", Retry.LATER)


async def test_a_slow_drip_ends_at_the_deadline(hasty: Fetcher) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:  # until the other side has left
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with asyncio.timeout(60), raw(drip) as url:
        assert await refusal(hasty.fetch(url)) == ("image_unreachable", Retry.LATER)


async def test_silence_ends_at_the_deadline(hasty: Fetcher) -> None:
    async def nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with asyncio.timeout(60), raw(nothing) as url:
        assert await refusal(hasty.fetch(url)) == ("image_unreachable", Retry.LATER)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_broken_answers_may_pass(fetcher: Fetcher, start: bytes) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        await asyncio.sleep(0.05)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with raw(reset) as url:
        assert await refusal(fetcher.fetch(url)) == ("image_unreachable", Retry.LATER)


@pytest.mark.parametrize("location", ["", "http://[::1", "http://x:99999/"])
async def test_redirects_to_nowhere_are_final(fetcher: Fetcher, location: str) -> None:
    async def redirect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    async with raw(redirect) as url:
        code, retry = await refusal(fetcher.fetch(url))
    assert code in {"image_unreachable", "image_blocked"}
    assert retry is Retry.NEVER


async def test_a_large_body_is_refused_announced_or_not(site: Site, fetcher: Fetcher) -> None:
    async def announced(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with raw(announced) as url:
        assert await refusal(fetcher.fetch(url)) == ("image_too_large", Retry.NEVER)
    assert await refusal(fetcher.fetch(site.url("endless"))) == ("image_too_large", Retry.NEVER)


async def test_a_compressed_body_is_opened(site: Site, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(site.url("zipped")) == PHOTO
    assert await fetcher.head(site.url("zipped"), 1000) == (b"", False), "then the whole file is fetched"


async def test_a_compressed_body_may_not_grow_without_bound(site: Site, fetcher: Fetcher) -> None:
    assert await refusal(fetcher.fetch(site.url("zip-bomb"))) == ("image_too_large", Retry.NEVER)


async def test_an_encoding_that_is_only_named_is_ignored(site: Site, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(site.url("misnamed")) == PHOTO


async def test_a_location_with_spaces_and_other_letters_is_followed(site: Site, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(site.url("to-spaces")) == PHOTO


async def test_hosts_are_told_who_asks_and_get_their_own_headers(site: Site) -> None:
    host = URL(site.url("")).host or ""
    sender = Sender("ops@example.com", {host: {"Referer": "https://shop.example.com"}, "other": {"X-Key": "hush"}})
    async with Fetcher(Guard(allow_private=True), sender=sender) as fetcher:
        seen = orjson.loads(await fetcher.fetch(site.url("headers")))
    assert seen["User-Agent"] == "Tessera/0.1 (image fetch; ops@example.com)"
    assert seen["Referer"] == "https://shop.example.com"
    assert "X-Key" not in seen


async def test_a_presigned_url_may_be_long(site: Site, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(site.url("photo?X-Amz-Security-Token=" + "a" * 3_000)) == PHOTO


async def test_a_head_is_a_range(site: Site, fetcher: Fetcher) -> None:
    assert await fetcher.head(site.url("ranged"), 1000) == (LONG[:1000], False)
    assert await fetcher.head(site.url("ranged"), 1_000_000) == (LONG, True)


async def test_a_head_from_a_server_without_ranges_stops_reading(site: Site, fetcher: Fetcher) -> None:
    assert await fetcher.head(site.url("photo"), 100_000) == (PHOTO, True)
    assert await fetcher.head(site.url("photo"), 100) == (PHOTO[:100], False)
    data, complete = await fetcher.head(site.url("endless"), 1000)
    assert (data, complete) == (PHOTO[:1000], False)
    async with asyncio.timeout(60):
        await site.ended.wait()
    assert site.sent < 20_000_000


async def test_a_refused_range_leads_to_the_whole_file(site: Site, fetcher: Fetcher, tmp_path: Path) -> None:
    assert await fetcher.head(site.url("rangeless"), 100) == (b"", False)
    assert await Images(fetcher, Folder(tmp_path)).measure(site.url("rangeless")) == (640, 480)


async def test_no_host_sees_more_than_its_share(site: Site, fetcher: Fetcher) -> None:
    site.crowd = 8
    async with asyncio.timeout(60):
        await asyncio.gather(*(fetcher.fetch(site.url("slow")) for _ in range(40)))
    assert site.busiest == 8


async def test_nobody_waits_for_a_turn_for_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_host, "WAIT_SECONDS", 0.2)
    site.crowd = 2  # the first one waits for a second
    async with Fetcher(Guard(allow_private=True), per_host=1) as fetcher:
        first = asyncio.create_task(fetcher.fetch(site.url("slow")))
        while not site.busy:
            await asyncio.sleep(0.01)
        with pytest.raises(HostBusy):
            await fetcher.fetch(site.url("slow"))
        site.crowded.set()
        assert await first == PHOTO


async def test_waiting_for_a_turn_does_not_count(site: Site) -> None:
    async with Fetcher(Guard(allow_private=True), seconds=2, per_host=1) as fetcher:
        await asyncio.gather(*(fetcher.fetch(site.url("slow")) for _ in range(25)))


@pytest.mark.parametrize("path", ["photo", "endless", "ranged"])
async def test_measures_from_as_little_as_it_takes(site: Site, fetcher: Fetcher, tmp_path: Path, path: str) -> None:
    expected = (60, 40) if path == "ranged" else (640, 480)
    assert await Images(fetcher, Folder(tmp_path)).measure(site.url(path)) == expected
