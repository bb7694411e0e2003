"""Format, size and orientation of an image from its first bytes, and whether Tessera takes it at all."""

from dataclasses import dataclass, replace

from vision.errors import ImageError
from vision.images import heif
from vision.images.cursor import Malformed, NeedsMoreBytes
from vision.images.headers import READERS

__all__ = ["HEADS", "MAX_PIXELS", "MAX_SIDE", "NeedsMoreBytes", "Probe", "probe", "probe_file", "sniff"]

MAX_SIDE = 16_384  # pixels
MAX_PIXELS = 100_000_000
HEADS = (16_384, 262_144)
"""Bytes to read, first and second try. Cameras and editors may put thumbnails and profiles before the size."""
_SNIFF = 12  # bytes that tell every format below apart

# (offset, magic) → format. The first four are what vision models take (OpenAI's guide, read 2026-11).
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"WEBP", "webp"),
    (4, b"ftypavif", "avif"),
    (4, b"ftypavis", "an AVIF sequence"),
    (4, b"ftyphei", "heif"),
    (4, b"ftyphev", "an HEVC sequence"),
    (4, b"ftypmif1", "heif"),
    (4, b"ftypmsf1", "a HEIF sequence"),
    (4, b"ftyp", "video"),
    (0, b"\x1aE\xdf\xa3", "video"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\0\0\1\0", "icon"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"PK\x03\x04", "zip archive"),
    (0, b"\x1f\x8b", "gzip archive"),
)
# How a complete file ends. Stray bytes may follow, so the search begins at the end.
_ENDS = {"jpeg": b"\xff\xd9", "png": b"IEND\xaeB`\x82", "gif": b";"}


@dataclass(frozen=True)
class Probe:
    """Width and height are in pixels after `orientation` (Exif, 1 to 8) is applied; `plain`: 8 bits, not CMYK."""

    format: str
    width: int
    height: int
    orientation: int = 1
    plain: bool = True
    ended: bool = True
    """False: a complete file without the end marker of a JPEG, of which pixels may be missing, too."""


def probe(data: bytes) -> Probe:
    """Reads a file's beginning; NeedsMoreBytes, or ImageError image_corrupt, image_unsupported or image_too_large."""
    kind = sniff(data)
    try:
        header = READERS[kind](data)
    except Malformed:
        raise _corrupt() from None
    if header.animated:
        raise ImageError(f"Animated {kind.upper()} is not supported. Send one frame.", code="image_unsupported")
    if not header.width or not header.height:
        raise _corrupt()
    if max(header.width, header.height) > MAX_SIDE or header.width * header.height > MAX_PIXELS:
        raise ImageError(
            f"The image has {header.width}x{header.height} pixels; at most {MAX_SIDE:,} a side and {MAX_PIXELS:,} "
            "in all are allowed. Shrink it.",
            code="image_too_large",
        )
    turned = header.orientation >= 5
    width, height = (header.height, header.width) if turned else (header.width, header.height)
    return Probe(kind, width, height, header.orientation, header.plain)


def probe_file(data: bytes) -> Probe:
    """Like `probe`, for a complete file; a truncated one is image_corrupt, save a JPEG (see `Probe.ended`)."""
    try:
        found = probe(data)
    except NeedsMoreBytes:
        raise _corrupt() from None
    if found.format == "webp":
        whole = len(data) >= 8 + int.from_bytes(data[4:8], "little")
    elif found.format in ("heif", "avif"):
        whole = heif.is_whole(data)
    elif found.format == "jpeg":
        return found if data.rfind(_ENDS["jpeg"]) > 0 else replace(found, ended=False)
    else:
        whole = data.rfind(_ENDS[found.format]) > 0
    if not whole:
        raise _corrupt()
    return found


def sniff(data: bytes) -> str:
    """The format by the first bytes (1,024 are enough); NeedsMoreBytes, or ImageError for what is not taken."""
    if not data:
        raise ImageError("The image is empty.")
    if len(data) < _SNIFF:
        raise NeedsMoreBytes
    known = (kind for offset, magic, kind in _MAGIC if data.startswith(magic, offset))
    kind = next(known, None) or _text_kind(data)
    if kind not in READERS:
        raise ImageError(
            f"This is {kind}, not an image in JPEG, PNG, WebP, GIF, HEIC or AVIF.", code="image_unsupported"
        )
    return kind


def _text_kind(data: bytes) -> str:
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"{", b"[")):
        return "JSON"
    if not text.startswith(b"<"):
        raise ImageError("The bytes are not an image.")
    return "SVG" if b"<svg" in text else "HTML" if b"<html" in text or b"<!doctype" in text else "XML"


def _corrupt() -> ImageError:
    return ImageError("The image is damaged or incomplete.")
