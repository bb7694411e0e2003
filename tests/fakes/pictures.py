"""How the fake provider learns an image's size: from its address, or from its first bytes, by a parser of its own."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp

SIZED = re.compile(r"/(\d{1,6})x(\d{1,6})/")
# The image host writes the path into the file, so that an image sent inline can still be told apart.
NAMED = re.compile(rb"fake-image:(/[\x21-\x7e]{1,200})\n")
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class BadImage(Exception):
    """The provider's 400 for an image: a code of facts §3.7 and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Picture:
    """`source` is the URL, or `sha256:<hex>` and, if the file names itself, a space and that path."""

    source: str
    width: int
    height: int


def _unsupported() -> BadImage:
    return BadImage(
        "invalid_image_format",
        "You uploaded an unsupported image. Please make sure your image has of one the following formats: "
        "['png', 'jpeg', 'gif', 'webp'].",
    )


def size(data: bytes) -> tuple[int, int]:
    """Width and height from PNG, GIF, JPEG or WebP headers; BadImage for anything else."""
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except IndexError:
        raise BadImage("image_parse_error", "The image could not be parsed.") from None
    if data[:6] in (b"GIF87a", b"GIF89a") and data.count(b"\x21\xf9\x04") < 2:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    raise _unsupported()


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while data[at + 1] not in START_OF_FRAME:
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4])
        if data[at] != 0xFF:
            raise IndexError
    return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = int.from_bytes(data[26:28], "little"), int.from_bytes(data[28:30], "little")
    return width & 0x3FFF, height & 0x3FFF


def from_bytes(data: bytes) -> Picture:
    """An image that was sent inline."""
    width, height = size(data)
    if not (width and height):
        raise BadImage("image_parse_error", "The image could not be parsed.")
    name = NAMED.search(data)
    source = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return Picture(f"{source} {name[1].decode()}" if name else source, width, height)


def inline(url: str) -> Picture:
    """A base64 data URL."""
    head, comma, payload = url.partition(",")
    if not (comma and head.startswith("data:image/") and head.endswith(";base64")):
        raise BadImage("invalid_image_url", "Expected a base64-encoded data URL with an image MIME type, got another.")
    try:
        return from_bytes(base64.b64decode(payload, validate=True))
    except binascii.Error:
        raise BadImage("invalid_base64_image", "The image is not valid base64.") from None


class Pictures:
    """Sizes of image URLs; only loopback is ever asked."""

    def __init__(self) -> None:
        self._sizes: dict[str, Picture] = {}
        self._session: aiohttp.ClientSession | None = None

    async def look(self, url: str) -> Picture:
        """URL or data URL → Picture; BadImage."""
        if url.startswith("data:"):
            return inline(url)
        if found := SIZED.search(url):
            return Picture(url, int(found[1]), int(found[2]))
        if url not in self._sizes:
            seen = from_bytes(await self._download(url))
            self._sizes[url] = Picture(url, seen.width, seen.height)
        return self._sizes[url]

    async def _download(self, url: str) -> bytes:
        host = urlsplit(url).hostname or ""
        if not (host == "localhost" or (host.startswith("127.") and ip_address(host).is_loopback)):
            raise BadImage("invalid_image_url", f"Failed to download image from {url}.")
        self._session = self._session or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10))
        try:
            async with self._session.get(url) as reply:
                if reply.status != 200:
                    text = f"Error while downloading file. Upstream status code: {reply.status}."
                    raise BadImage("invalid_image_url", text)
                return await reply.content.read(20_000_000)
        except (TimeoutError, aiohttp.ClientError):
            raise BadImage("invalid_image_url", f"Timeout while downloading {url}.") from None
