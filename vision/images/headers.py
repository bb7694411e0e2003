"""What the first bytes of a JPEG, PNG, GIF, WebP, HEIC or AVIF say, without decoding a pixel.

Sources: ITU-T T.81 annex B (JPEG), PNG third edition (W3C 2025), GIF89a, RFC 9649 (WebP), TIFF 6.0 via Exif 2.32.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from vision.images import heif
from vision.images.cursor import Cursor, Malformed, NeedsMoreBytes
from vision.images.exif import exif_orientation


@dataclass(frozen=True)
class Header:
    """Width and height in pixels as stored; `orientation` 1 to 8 as in Exif; `plain`: 8 bits, no CMYK."""

    width: int
    height: int
    orientation: int = 1
    animated: bool = False
    plain: bool = True


_MARKER = re.compile(rb"\xff[^\x00\xff]")  # steps over fill bytes and stray ones, as decoders do
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def jpeg(data: bytes) -> Header:
    """Read up to the frame header; segments before it (Exif, ICC, XMP) may be long."""
    cursor, orientation = Cursor(data, 2), 1
    while found := _MARKER.search(data, cursor.at):
        cursor.skip(found.end() - cursor.at)
        marker = data[cursor.at - 1]
        if marker in _ALONE:
            continue
        if marker in (0xD9, 0xDA):
            raise Malformed
        size = cursor.number(2) - 2
        if marker in _FRAMES:
            precision, height, width, components = (cursor.number(n) for n in (1, 2, 2, 1))
            return Header(width, height, orientation, plain=precision == 8 and components in (1, 3))
        if marker == 0xE1 and data.startswith(b"Exif\0\0", cursor.at):
            orientation = exif_orientation(cursor.take(size)[6:])
        else:
            cursor.skip(max(size, 0))
    raise NeedsMoreBytes


def png(data: bytes) -> Header:
    """Read up to the first IDAT; an orientation written after the pixels counts neither here nor in `prepare`."""
    cursor, orientation, animated = Cursor(data, 8), 1, False
    if cursor.take(8)[4:] != b"IHDR":
        raise Malformed
    width, height, depth = cursor.number(4), cursor.number(4), cursor.number(1)
    cursor.skip(8)  # rest of IHDR, and its checksum
    while True:
        size, kind = cursor.number(4), cursor.take(4)
        if kind in (b"IDAT", b"IEND"):
            return Header(width, height, orientation, animated, plain=depth <= 8)
        body = cursor.take(size)
        if kind == b"acTL":
            animated = int.from_bytes(body[:4], "big") > 1
        elif kind == b"eXIf":
            orientation = exif_orientation(body)
        cursor.skip(4)


def gif(data: bytes) -> Header:
    """Read up to the second image, or to the end, to see whether the GIF is animated.

    Width and height are the smallest that hold both the screen and the first frame.
    """
    cursor, images = Cursor(data, 6), 0
    width, height, flags = cursor.number(2, "little"), cursor.number(2, "little"), cursor.number(1)
    cursor.skip(2 + _palette(flags))
    while (block := cursor.number(1)) != 0x3B:
        if block == 0x2C:
            images += 1
            if images > 1:
                break
            # A frame may be larger than its screen, and models see all of it.
            left, top, across, down = (cursor.number(2, "little") for _ in range(4))
            width, height = max(width, left + across), max(height, top + down)
            cursor.skip(_palette(cursor.number(1)))
        elif block != 0x21:
            raise Malformed
        cursor.skip(1)  # an extension's label, or the code size of the pixels
        cursor.skip_blocks()
    if not images:
        raise Malformed
    return Header(width, height, animated=images > 1)


def webp(data: bytes) -> Header:
    """A few bytes are enough, unless the file announces Exif, which comes after the pixels."""
    cursor = Cursor(data, 4)
    end = 8 + cursor.number(4, "little")
    cursor.skip(4)
    kind, size = cursor.take(4), cursor.number(4, "little")
    if kind == b"VP8 ":
        tag = cursor.take(10)
        if tag[3:6] != b"\x9d\x01\x2a":
            raise Malformed
        return Header(_little(tag[6:8]) & 0x3FFF, _little(tag[8:10]) & 0x3FFF)
    if kind == b"VP8L":
        bits = _little(cursor.take(5)[1:])
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind != b"VP8X":
        raise Malformed
    body = cursor.take(10)
    cursor.skip(max(size - 10, 0) + size % 2)
    orientation = _webp_exif(cursor, end) if body[0] & 0x08 and not body[0] & 0x02 else 1
    return Header(_little(body[4:7]) + 1, _little(body[7:10]) + 1, orientation, animated=bool(body[0] & 0x02))


def _webp_exif(cursor: Cursor, end: int) -> int:
    while cursor.at + 8 <= end:
        kind, size = cursor.take(4), cursor.number(4, "little")
        if kind == b"EXIF":
            return exif_orientation(cursor.take(size).removeprefix(b"Exif\0\0"))
        cursor.skip(size + size % 2)
    return 1


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def heic(data: bytes) -> Header:
    """HEIC and AVIF: sizes as they are shown. Neither is sent as it is."""
    return Header(*heif.size(data))


READERS: dict[str, Callable[[bytes], Header]] = {
    "jpeg": jpeg,
    "png": png,
    "gif": gif,
    "webp": webp,
    "heif": heic,
    "avif": heic,
}
