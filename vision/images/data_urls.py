"""Images inside a data URL."""

import binascii
import re
from urllib.parse import unquote_to_bytes

from vision.errors import ImageError

_ALPHABET = bytes.maketrans(b"-_", b"+/")
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
        return _lenient(source[head.end() :])


def _lenient(body: str) -> bytes:
    """Base64 with line breaks, percent-encoding, the alphabet for URLs, or without padding."""
    try:
        raw = unquote_to_bytes(body) if "%" in body else body.encode("ascii")
        plain = raw.translate(_ALPHABET, delete=b" \t\r\n").rstrip(b"=")
        return binascii.a2b_base64(plain + b"=" * (-len(plain) % 4), strict_mode=True)
    except ValueError:
        raise ImageError("The data URL is not valid base64.") from None


def too_large(most: int) -> ImageError:
    """An image of more than `most` bytes."""
    return ImageError(f"The image is larger than {most:,} bytes. Shrink it.", code="image_too_large")
