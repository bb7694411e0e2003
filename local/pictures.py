"""Decodes images to upright RGB pixels. All files from callers are decoded here."""

import binascii
import io
from dataclasses import dataclass

from PIL import Image, ImageOps

from local.errors import WireError
from vision.errors import ImageError
from vision.images.probe import probe_file


@dataclass(frozen=True)
class Picture:
    """Pixels for a model; `width` and `height` are the file's own, upright, before any shrinking."""

    pixels: Image.Image
    width: int
    height: int


def from_data_url(url: str) -> bytes:
    """The bytes of `data:image/…;base64,…`."""
    head, comma, payload = url.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise WireError("Expected a data URL of the form data:image/png;base64,…", "invalid_image_format")
    try:
        return binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:
        raise WireError("The image's base64 is not valid.", "invalid_base64_image") from None


def decode(data: bytes, side: int) -> Picture:
    """Decode for a model that looks at `side` pixels: a JPEG may come out smaller, but never below that. ImageError."""
    found = probe_file(data)
    try:
        with Image.open(io.BytesIO(data), formats=[found.format.upper()]) as image:
            if sorted(image.size) != sorted((found.width, found.height)):
                raise ImageError("The image's headers contradict each other.")
            image.draft(None, (side, side))
            return Picture(_rgb(ImageOps.exif_transpose(image)), found.width, found.height)
    except ImageError:
        raise
    except Exception as error:  # decoders raise nearly anything over hostile bytes
        raise ImageError("The image is damaged and cannot be decoded.") from error


def _rgb(image: Image.Image) -> Image.Image:
    """RGB; what is transparent becomes white, 16-bit grey keeps its upper half."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    over = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
