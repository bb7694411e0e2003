"""Size of a HEIC or AVIF image from its first bytes (ISO/IEC 23008-12: boxes `meta`, `ispe`, `irot`)."""

from vision.images.cursor import Cursor, Malformed, NeedsMoreBytes

MOST_BOXES = 64
MOST_META = 4_000_000
"""Bytes of a meta box that are looked at."""


def size(data: bytes) -> tuple[int, int]:
    """Width and height, upright. The largest of the sizes it names: others belong to tiles and thumbnails."""
    meta = _meta(data)
    sizes = []
    at = meta.find(b"ispe")
    while at >= 0:
        if len(meta) >= at + 16:
            sizes.append(tuple(int.from_bytes(meta[at + offset : at + offset + 4], "big") for offset in (8, 12)))
        at = meta.find(b"ispe", at + 4)
    if not sizes:
        raise Malformed
    width, height = max(sizes, key=lambda each: each[0] * each[1])
    turn = meta.find(b"irot")
    turned = 0 <= turn < len(meta) - 4 and meta[turn + 4] & 1
    return (height, width) if turned else (width, height)


def is_whole(data: bytes) -> bool:
    """Whether all boxes are there to their end."""
    at = 0
    for _ in range(MOST_BOXES):
        if at == len(data):
            return True
        length = _length(data, at)
        if length < 0:
            return True  # to the end of the file
        at += length
        if at > len(data) or length < 8:
            return False
    return False


def _length(data: bytes, at: int) -> int:
    length = int.from_bytes(data[at : at + 4], "big")
    if length == 1:
        return int.from_bytes(data[at + 8 : at + 16], "big")
    return -1 if length == 0 else length


def _meta(data: bytes) -> bytes:
    cursor = Cursor(data, 0)
    for _ in range(MOST_BOXES):
        start = cursor.at
        length, kind = cursor.number(4), cursor.take(4)
        if length == 1:
            length = cursor.number(8)
        if kind == b"meta":
            if length > MOST_META:
                raise Malformed
            if len(data) < start + length:
                raise NeedsMoreBytes
            return data[start : start + length]
        if length < 8:
            raise Malformed
        cursor.skip(start + length - cursor.at)
    raise Malformed
