"""Files of strangers become upright RGB pixels, or an error with a code."""

import base64
import io

import pytest
from PIL import Image

from local.errors import WireError, translate
from local.pictures import decode, from_data_url
from tests.fakes import images
from vision.errors import ImageError, Retry


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def test_the_files_own_size_is_told_while_a_large_jpeg_is_decoded_small() -> None:
    picture = decode(encoded(Image.new("RGB", (4000, 3000)), "JPEG"), 512)
    assert (picture.width, picture.height) == (4000, 3000)
    assert picture.pixels.size == (1000, 750)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(encoded(Image.new("RGB", (64, 48)), "JPEG", exif=exif), 64)
    assert picture.pixels.size == (picture.width, picture.height) == (48, 64)


def test_transparency_becomes_white() -> None:
    assert decode(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG"), 8).pixels.getpixel((4, 4)) == (255,) * 3


def test_16_bit_grey_keeps_its_shades() -> None:
    grey = decode(encoded(Image.new("I;16", (8, 8), 0x8000), "PNG"), 8).pixels
    assert grey.mode == "RGB"
    assert grey.getpixel((4, 4)) == (128,) * 3


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "image_corrupt"),
        (b"not an image at all", "image_corrupt"),
        (encoded(Image.new("RGB", (64, 64)), "PNG")[:60], "image_corrupt"),
        (encoded(Image.effect_noise((64, 64), 50), "PNG").replace(b"IDAT", b"IDAT\xff", 1), "image_corrupt"),
        (encoded(Image.new("RGB", (64, 64)), "BMP"), "image_unsupported"),
        (images.bomb_png(10_001, 10_000), "image_too_large"),
    ],
)
def test_bad_files(data: bytes, code: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data, 224)
    assert caught.value.code == code


def test_data_urls() -> None:
    assert from_data_url("data:image/png;base64," + base64.b64encode(b"bytes").decode()) == b"bytes"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("data:image/png;base64,@@@@", "invalid_base64_image"),
        ("data:image/png;base64,AAA", "invalid_base64_image"),
        ("data:image/png,AAAA", "invalid_image_format"),
        ("data:text/plain;base64,AAAA", "invalid_image_format"),
        ("data:image/png;base64", "invalid_image_format"),
    ],
)
def test_bad_data_urls(url: str, code: str) -> None:
    with pytest.raises(WireError) as caught:
        from_data_url(url)
    assert caught.value.code == code


def test_image_errors_sound_like_openais() -> None:
    late = translate(ImageError("It did not answer.", code="image_unreachable", retry=Retry.LATER))
    assert late.code == "invalid_image_url"
    assert late.message.startswith("Timeout while downloading")
    assert translate(ImageError("Damaged.")).body()["error"] == {
        "message": "Damaged.",
        "type": "invalid_request_error",
        "param": None,
        "code": "image_parse_error",
    }
