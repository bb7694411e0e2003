"""Removes metadata from a photograph: place, time, camera, author (Exif, XMP, IPTC).

Nothing is decoded: whole segments and chunks are cut out, and the rest stays byte for byte, also comments and
colour profiles.
Sources as in `headers`; where XMP stands, by ISO 16684-3.
"""

import re
from collections.abc import Callable

from vision.images.cursor import MAX_STEPS

_MARKER = re.compile(rb"\xff[^\x00\xff]")
_MARKER_AMONG_PIXELS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # restart markers are part of the pixels
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_END, _SCAN = 0xD9, 0xDA
_FOR_DECODERS = frozenset({0xE0, 0xEE})  # JFIF and Adobe say how the colours are meant
_PROFILE = b"ICC_PROFILE\0"
_TRACES = (b"Exif\0\0", b"http://ns.adobe.com/xap/")

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04


def strip(data: bytes, kind: str) -> bytes:
    """The same picture without metadata; `kind` as in `Probe.format`. Never raises; GIF stays as it is."""
    stripped = _STRIPPERS[kind](data) if kind in _STRIPPERS else data
    return data if len(stripped) == len(data) else stripped


def _jpeg(data: bytes) -> bytes:
    kept, at = [data[:2]], 2
    for _ in range(MAX_STEPS):
        found = _MARKER.search(data, at)
        if not found or (marker := data[found.end() - 1]) in (_SCAN, _END):
            break
        stop = found.end() + (0 if marker in _ALONE else _size(data, found.end()))
        if not _is_metadata(data, marker, found.end() + 2):
            kept.append(data[at:stop])
        at = stop
    if sum(map(len, kept)) == at:
        return data
    rest = data[at:]
    if any(trace in rest for trace in _TRACES):
        rest = rest[: _end_of_picture(rest)]  # previews, second exposures and films come after it
    return b"".join([*kept, rest])


def _is_metadata(data: bytes, marker: int, begin: int) -> bool:
    """Whether a segment holds an application's own data, which no decoder needs."""
    if not 0xE0 <= marker <= 0xEF or marker in _FOR_DECODERS:
        return False
    return not (marker == 0xE2 and data.startswith(_PROFILE, begin))


def _size(data: bytes, at: int) -> int:
    return max(2, int.from_bytes(data[at : at + 2], "big"))


def _end_of_picture(data: bytes) -> int:
    """Where the first image of a JPEG ends, looking from its first scan on."""
    at = 0
    for _ in range(MAX_STEPS):
        found = _MARKER_AMONG_PIXELS.search(data, at)
        if not found:
            break
        at, marker = found.end(), data[found.end() - 1]
        if marker == _END:
            return at
        at += 0 if marker in _ALONE else _size(data, at)
    return len(data)


def _png(data: bytes) -> bytes:
    kept, at = [data[:8]], 8
    for _ in range(MAX_STEPS):
        kind, stop = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        comment = data.startswith(b"Comment\0", at + 8)
        if kind != b"eXIf" and (kind not in _TEXTS or comment):
            kept.append(data[at:stop])
        at = stop
        if kind == b"IEND" or at >= len(data):
            return b"".join(kept)
    return data


def _webp(data: bytes) -> bytes:
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    kept, at = [b"WEBP"], 12
    for _ in range(MAX_STEPS):
        if at + 8 > end:
            break
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        stop = at + 8 + size + size % 2
        if kind == b"VP8X" and at + 8 < end:
            flags = data[at + 8] & ~(_EXIF_FLAG | _XMP_FLAG)
            kept.append(data[at : at + 8] + bytes([flags]) + data[at + 9 : stop])
        elif kind not in (b"EXIF", b"XMP "):
            kept.append(data[at : min(stop, end)])
        at = stop
    body = b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


_STRIPPERS: dict[str, Callable[[bytes], bytes]] = {"jpeg": _jpeg, "png": _png, "webp": _webp}
