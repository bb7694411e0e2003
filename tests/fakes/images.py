"""Real test images, as bytes, good ones and every kind of bad."""

import struct
import zlib
from io import BytesIO

from PIL import Image

ORIENTATION = 0x0112


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, a green square at the top left: every turn shows."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    image.paste("lime", (0, 0, width // 4, height // 4))
    return image if mode == "RGB" else image.convert(mode)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(width: int = 60, height: int = 40, orientation: int | None = None, **options: object) -> bytes:
    return encode(picture(width, height), "JPEG", **_turned(orientation), **options)


def png(width: int = 60, height: int = 40, orientation: int | None = None, mode: str = "RGB") -> bytes:
    return encode(picture(width, height, mode), "PNG", **_turned(orientation))


def webp(width: int = 60, height: int = 40, orientation: int | None = None, **options: object) -> bytes:
    return encode(picture(width, height), "WEBP", **_turned(orientation), **options)


def gif(width: int = 60, height: int = 40) -> bytes:
    return encode(picture(width, height), "GIF")


def animated(kind: str) -> bytes:
    """Two frames; PNG, GIF or WEBP."""
    return encode(picture(), kind, save_all=True, append_images=[Image.new("RGB", (60, 40), "white")])


def with_alpha(alpha: int = 128, kind: str = "PNG") -> bytes:
    image = picture()
    image.putalpha(alpha)
    return encode(image, kind, lossless=True)


def cmyk_jpeg() -> bytes:
    return encode(picture(mode="CMYK"), "JPEG")


def grey16_png() -> bytes:
    """Black, mid grey, white, 16 bits each."""
    image = Image.new("I;16", (3, 1))
    for at, value in enumerate((0, 32768, 65535)):
        image.putpixel((at, 0), value)
    return encode(image, "PNG")


def palette_png() -> bytes:
    return png(mode="P")


def jpeg_with_segments(size: int) -> bytes:
    """A JPEG whose frame header comes after `size` bytes of application data."""
    plain = jpeg()
    segment = b"\xff\xef" + struct.pack(">H", 60_002) + b"x" * 60_000
    return plain[:2] + segment * (size // 60_000 + 1) + plain[2:]


def bomb_png(width: int = 30_000, height: int = 30_000) -> bytes:
    """A header that promises far more pixels than the few bytes behind it."""
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", body) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND")


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _turned(orientation: int | None) -> dict[str, object]:
    if orientation is None:
        return {}
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return {"exif": exif.tobytes()}
