"""Images inside a data URL."""

import binascii
import re

from vision.errors import ImageError

_HEAD = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


def decode(source: str, most: int | None = None) -> bytes:
    """The image's bytes; ImageError. An image of more than `most` bytes is refused before it is decoded."""
    head = _HEAD.match(source)
    if not head:
        raise ImageError("A data URL must hold base64: data:image/png;base64,…", code="image_unsupported")
    if most is not None and (len(source) - head.end()) // 4 * 3 > most + 2:
        raise too_large(most)
    try:
        return binascii.a2b_base64(source[head.end() :], strict_mode=True)
    except ValueError:
        raise ImageError("The data URL is not valid base64.") from None


def too_large(most: int) -> ImageError:
    """An image of more than `most` bytes."""
    return ImageError(f"The image is larger than {most:,} bytes. Shrink it.", code="image_too_large")
