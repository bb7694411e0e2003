"""A fake web server full of images: good ones of any size, photographs, and every trouble that a real host makes.

GET /<width>x<height>/<name>.<jpg|png|webp|gif>   a real image; the path is written into it, so each is different
    /photo/<name>                                 a photograph out of scikit-image's wheel
    /flaky/<n>/<width>x<height>/<name>            503 the first n times
    /status/<code> /slow?seconds= /drip?seconds= /huge /redirect/<n> /redirect-to?url= /corrupt.jpg /truncated.jpg
    /animated.gif /page.html /svg /reset /cmyk.jpg /rotated.jpg (EXIF 6: 640x480 stored, 480x640 shown)
Anything may follow these, so that many items can use one: /status/404/item-7.jpg.
Admin: GET /_/log → {"hits": [{path, method, range, status, time}], "total"}, POST /_/reset.
"""

import asyncio
import importlib.util
import io
import struct
import time
import zlib
from collections import Counter, deque
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image, ImageDraw

from tests.fakes.pictures import SIZED
from tests.fakes.serving import Reply, Request, arguments, as_json, run

TYPES = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}
MARK = "fake-image:"
# Above this a flat grey image, so that a size of the provider's patch limit does not take seconds.
PLAIN_ABOVE = 8_000_000


@lru_cache(maxsize=256)
def image(width: int, height: int, suffix: str) -> bytes:
    """A gradient with its size written on it, encoded once for each size and type."""
    if width * height > PLAIN_ABOVE:
        return encode(Image.new("L", (width, height), 128), suffix)
    ramps = [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90)]
    picture = Image.merge("RGB", [ramp.resize((width, height)) for ramp in ramps])
    text = f"{width}x{height}"
    ImageDraw.Draw(picture).text((width // 10, height // 3), text, "white", font_size=max(8, width // 8))
    return encode(picture, suffix)


def encode(picture: Image.Image, suffix: str, **options: Any) -> bytes:
    """An image → the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, TYPES[suffix], **options)
    return buffer.getvalue()


def named(data: bytes, path: str) -> bytes:
    """The same image with `path` as a comment, the way each format has comments."""
    note = f"{MARK}{quote(path)[:200]}\n".encode()
    if data[:2] == b"\xff\xd8":
        return data[:2] + b"\xff\xfe" + struct.pack(">H", len(note) + 2) + note + data[2:]
    if data[:4] == b"\x89PNG":
        chunk = b"tEXtComment\0" + note
        return data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    if data[:3] == b"GIF":
        return data[:-1] + b"\x21\xfe" + bytes([len(note)]) + note + b"\0" + data[-1:]
    body = data[8:] + b"NOTE" + struct.pack("<I", len(note)) + note + b"\0" * (len(note) % 2)
    return data[:4] + struct.pack("<I", len(body)) + body


def animated() -> bytes:
    """A GIF of three frames."""
    frames = [Image.new("RGB", (320, 240), colour) for colour in ("red", "green", "blue")]
    return encode(frames[0], "gif", save_all=True, append_images=frames[1:], duration=100, loop=0)


def rotated() -> bytes:
    """Stored 640x480, to be shown as 480x640."""
    picture = Image.new("RGB", (640, 480), "navy")
    picture.paste("orange", (0, 0, 320, 240))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(picture, "jpg", exif=exif)


def photographs() -> Path | None:
    """scikit-image's data folder, found without importing it; None when it is not installed."""
    spec = importlib.util.find_spec("skimage")
    return Path(spec.submodule_search_locations[0]) / "data" if spec and spec.submodule_search_locations else None


class Host:
    """Routes, and the log of hits."""

    def __init__(self) -> None:
        self.photos = photographs()
        self.reset()

    def reset(self) -> None:
        """Forget every hit."""
        self.tries: Counter[str] = Counter()
        # path, method, range, status (0: no answer yet, or cut off), time
        self.hits: deque[list[Any]] = deque(maxlen=2_000_000)

    async def handle(self, request: Request) -> Reply | None:
        """Every route."""
        if request.path == "/_/log":
            names = ("path", "method", "range", "status", "time")
            return as_json({"total": len(self.hits), "hits": [dict(zip(names, hit, strict=True)) for hit in self.hits]})
        if request.path == "/_/reset":
            self.reset()
            return as_json({"ok": True})
        if request.method not in ("GET", "HEAD"):
            return Reply(405)
        wanted = request.headers.get("range")
        hit = [request.path, request.method, wanted, 0, time.time()]
        self.hits.append(hit)
        found = self._good(request) or await self._trouble(request)
        if found is None:
            return None
        reply = ranged(found, wanted)
        hit[3] = reply.status
        return reply

    def _good(self, request: Request) -> Reply | None:
        path = request.path
        if path.startswith("/photo/"):
            return self._photo(path.rpartition("/")[2])
        suffix = path.rpartition(".")[2].lower()
        size = SIZED.search(path)
        if not size or suffix not in TYPES or not 0 < int(size[1]) * int(size[2]) < 200_000_000:
            return None
        if path.startswith("/flaky/"):
            self.tries[path] += 1
            if self.tries[path] <= int(path.split("/")[2]):
                return Reply(503, b"try again")
        return picture(named(image(int(size[1]), int(size[2]), suffix), path), suffix)

    def _photo(self, name: str) -> Reply:
        file = self.photos / name if self.photos else None
        if file is None or not file.is_file() or file.suffix[1:] not in TYPES:
            return Reply(404, b"no such photograph")
        return picture(file.read_bytes(), file.suffix[1:])

    async def _trouble(self, request: Request) -> Reply | None:
        word, number = (*request.path.strip("/").split("/"), "")[:2]
        count = int(number) if number.isdigit() else 0
        seconds = float(request.query.get("seconds", 0))
        match word:
            case "status":
                return Reply(count or 404, b"scripted")
            case "slow":
                await asyncio.sleep(seconds or 3600)
                return picture(image(640, 480, "jpg"), "jpg")
            case "redirect" if count > 0:
                return Reply(302, headers={"location": f"/redirect/{count - 1}"})
            case "redirect":
                return Reply(302, headers={"location": "/640x480/redirected.jpg"})
            case "redirect-to":
                return Reply(302, headers={"location": request.query["url"]})
            case "drip" | "huge" | "reset":
                await _spoil(word, seconds or 0.1, request)
                return None
        return _odd(word)


async def _spoil(word: str, seconds: float, request: Request) -> None:
    data, wire = image(640, 480, "jpg"), request.wire
    length = 10**11 if word == "huge" else len(data)
    await wire.send(Reply(content_type="image/jpeg").head(length))
    if word == "reset":
        await wire.send(data[: len(data) // 2])
        await asyncio.sleep(0.05)
        wire.reset()
        return
    if word == "drip":
        for byte in data:
            await wire.send(bytes([byte]))
            await asyncio.sleep(seconds)
    # The size is not told before the end of the world: a comment, then another.
    block = b"\xff\xfe\xff\xff" + bytes(65_533)
    await wire.send(data[:2])
    while not wire.transport.is_closing():
        await wire.send(block)
        await asyncio.sleep(0)


@lru_cache(maxsize=64)
def _odd(word: str) -> Reply:
    match word:
        case "corrupt.jpg":
            # The header is good, so its size can be told; without quantisation tables nothing else can.
            return picture(image(640, 480, "jpg").replace(b"\xff\xdb", b"\xff\xef"), "jpg")
        case "truncated.jpg":
            return picture(image(640, 480, "jpg")[:-4000], "jpg")
        case "animated.gif":
            return picture(animated(), "gif")
        case "cmyk.jpg":
            return picture(encode(Image.new("CMYK", (320, 240), (0, 200, 200, 0)), "jpg"), "jpg")
        case "rotated.jpg":
            return picture(rotated(), "jpg")
        case "page.html":
            return Reply(200, b"<!doctype html><title>Not an image</title>", content_type="text/html")
        case "svg":
            drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
            return Reply(200, drawing, content_type="image/svg+xml")
    return Reply(404, b"no such image")


def picture(data: bytes, suffix: str) -> Reply:
    """A reply with an image's media type."""
    kind = TYPES[suffix].lower()
    return Reply(200, data, {"accept-ranges": "bytes"}, f"image/{kind}")


def ranged(reply: Reply, wanted: str | None) -> Reply:
    """One `bytes=a-b`, `bytes=a-` or `bytes=-n` of a good reply (RFC 9110 §14)."""
    if reply.status != 200 or not wanted or not wanted.startswith("bytes=") or "," in wanted:
        return reply
    first, _, last = wanted[6:].partition("-")
    total = len(reply.body)
    start = int(first) if first else max(0, total - int(last))
    stop = min(total, int(last) + 1) if first and last else total
    if start >= total:
        return Reply(416, headers={"content-range": f"bytes */{total}"})
    headers = {**reply.headers, "content-range": f"bytes {start}-{stop - 1}/{total}"}
    return Reply(206, reply.body[start:stop], headers, reply.content_type)


if __name__ == "__main__":
    chosen = arguments("A fake image host.").parse_args()
    run(Host().handle, chosen)
