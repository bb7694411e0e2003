"""Checks and reads responses of image hosts."""

import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from vision.errors import ImageError, Retry
from vision.images.host import HostFailed

PIECE = 65_536  # bytes read at a time


async def read_head(response: aiohttp.ClientResponse, size: int) -> tuple[bytes, bool]:
    span = response.headers.get("Content-Range", "")
    if response.status == 416 or (response.status == 206 and not span.startswith("bytes 0-")):
        return b"", False  # the server does not support ranges; the caller fetches the whole file
    data = bytearray()
    async for piece in response.content.iter_chunked(min(size, PIECE)):
        data += piece
        if len(data) >= size:
            break
    total = span.rpartition("/")[2]
    if total.isdigit():
        complete = len(data) >= int(total)
    else:
        complete = response.content.at_eof() and (response.status == 200 or len(data) < size)
    if not response.content.at_eof():
        response.close()  # or else aiohttp would read the rest
    if is_compressed(bytes(data[:2]), response):
        return b"", False  # the caller fetches the whole file
    return bytes(data[:size]), complete and len(data) <= size


def is_compressed(beginning: bytes, response: aiohttp.ClientResponse) -> bool:
    """Whether the body is compressed: its first bytes decide, since some stores name encodings that they do not use."""
    encoding = response.headers.get("Content-Encoding", "").lower()
    if beginning.startswith(_GZIP):
        return True
    return encoding in ("deflate", "x-deflate") and beginning[:1] == b"\x78"


def decompressed(data: bytes, response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body as it was before compression, `most` bytes at most; ImageError if that cannot be undone."""
    if not is_compressed(data[:2], response):
        return data
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, most)
    except zlib.error:
        raise ImageError("The image's server sends it compressed, and damaged.") from None


_GZIP = b"\x1f\x8b"


def require_image(response: aiohttp.ClientResponse) -> None:
    ranged = "Range" in response.request_info.headers
    if response.status not in ((200, 203, 206, 416) if ranged else (200, 203)):
        message = f"The image's server answered with HTTP status {response.status}."
        if response.status in (408, 425, 429) or response.status >= 500:
            raise HostFailed(message, retry_after=_retry_after(response), overrun=response.status == 429)
        raise unreachable(message, Retry.NEVER)


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Seconds that the server asks us to wait; None if it does not say."""
    said = response.headers.get("Retry-After", "").strip()
    if response.status not in (429, 503) or not said:
        return None
    if said.isascii() and said.isdecimal():
        return float(said[:20])
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return None


def unreachable(message: str, retry: Retry) -> ImageError:
    return ImageError(message, code="image_unreachable", retry=retry)
