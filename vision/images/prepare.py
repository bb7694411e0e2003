"""Turns an image into what the provider takes: upright, of an accepted type and size; otherwise unchanged."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO

import pillow_heif
from PIL import Image, ImageOps

from vision.errors import ImageError
from vision.images import jpeg_end
from vision.images.metadata import strip
from vision.images.probe import MAX_PIXELS, Probe, probe_file

ACCEPTED = ("jpeg", "png", "webp", "gif")
QUALITY = 90
MAX_PROFILE = 65_536  # bytes of colour profile kept
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Prepared:
    """An image ready to send; `media_type` as in `image/jpeg`, sizes in pixels; `source_size` before any shrinking."""

    data: bytes
    media_type: str
    width: int
    height: int
    source_size: tuple[int, int]


Target = Callable[[int, int], tuple[int, int]]
"""Width and height to send, by those of the upright image; never larger than these."""


def prepare(
    data: bytes,
    accepted: tuple[str, ...] = ACCEPTED,
    target: Target | None = None,
) -> Prepared:
    """Encode anew only if needed, as JPEG or, if transparent, PNG; ImageError as in `probe_file` or from `target`.

    Pure CPU work: 0.1 ms for an unchanged image, tens of ms for an encoded one. Pillow releases the GIL while it
    decodes, scales and encodes, but not in between: threads help, processes help more.
    An unchanged image keeps its pixels and colour profile byte for byte, but no Exif, XMP or IPTC.
    """
    if ready := unchanged(data, accepted, target):
        return ready
    found = probe_file(data)
    if not found.ended:
        if not jpeg_end.is_whole(data):
            raise ImageError("The image is incomplete: its last pixels are missing.")
        return prepare(data + jpeg_end.END, accepted, target)
    source = found.width, found.height
    size = target(*source) if target else source
    try:
        return replace(_encode(_decode(data, found, size), accepted), source_size=source)
    except ImageError:
        raise
    except Exception as error:  # decoders raise nearly anything over hostile bytes
        raise ImageError("The image is damaged and cannot be decoded.") from error


def unchanged(data: bytes, accepted: tuple[str, ...] = ACCEPTED, target: Target | None = None) -> Prepared | None:
    """The image without decoding it, if it can be sent so; None if it must be encoded anew. Errors as `prepare`."""
    found = probe_file(data)
    source = found.width, found.height
    sendable = found.format in accepted and found.orientation == 1 and found.plain and found.ended
    if sendable and (target is None or target(*source) == source):
        return Prepared(strip(data, found.format), f"image/{found.format}", *source, source)
    return None


def _decode(data: bytes, found: Probe, size: tuple[int, int]) -> Image.Image:
    """Upright, of the size, in a mode that can be encoded."""
    _open_heif()
    file: Image.Image = Image.open(BytesIO(data), formats=[found.format.upper()])
    if found.format in ("heif", "avif"):
        file = ImageOps.exif_transpose(file)  # their turns are not in `orientation`
    if sorted(file.size) != sorted((found.width, found.height)):
        raise ImageError("The image's headers contradict each other.")
    turned = found.orientation >= 5
    stored = (size[1], size[0]) if turned else size
    if stored != file.size and found.format == "jpeg":
        # Scales a JPEG while decoding it, at little cost, to at least twice the size wanted.
        file.draft(None, (2 * stored[0], 2 * stored[1]))
    image = _encodable(file)
    if stored != image.size:
        image = image.resize(stored, Image.Resampling.BICUBIC, reducing_gap=2.0)
    turn = _TURNS.get(found.orientation)
    return image if turn is None else image.transpose(turn)


@cache
def _open_heif() -> None:
    """Let Pillow read HEIC, and as many pixels as `probe` lets through."""
    pillow_heif.register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def _encodable(image: Image.Image) -> Image.Image:
    """Decoded, in L, RGB or RGBA, the last only if something is transparent."""
    image.load()
    if image.mode.startswith("I"):  # 16-bit grey; convert() would clip it
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        opaque = image.getchannel("A").getextrema() == (255, 255)
        return image.convert("RGB") if opaque else image
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _encode(image: Image.Image, accepted: tuple[str, ...]) -> Prepared:
    kind = "png" if image.mode == "RGBA" or "jpeg" not in accepted else "jpeg"
    profile = image.info.get("icc_profile") or b""
    keep = profile[16:20] == {"L": b"GRAY"}.get(image.mode, b"RGB ") and len(profile) <= MAX_PROFILE
    image.info = {}  # Pillow would write comments and Exif back
    out = BytesIO()
    image.save(out, kind.upper(), quality=QUALITY, icc_profile=profile if keep else None)
    return Prepared(out.getvalue(), f"image/{kind}", *image.size, image.size)
