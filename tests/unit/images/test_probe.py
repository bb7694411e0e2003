"""Sizes from first bytes, checked against what Pillow reads from the whole file."""

import contextlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.fakes import images
from vision.errors import ImageError
from vision.images.probe import NeedsMoreBytes, probe, probe_file

GOOD = {
    "jpeg": images.jpeg(),
    "progressive": images.jpeg(progressive=True),
    "grey": images.encode(images.picture(mode="L"), "JPEG"),
    "cmyk": images.cmyk_jpeg(),
    "png": images.png(),
    "palette": images.palette_png(),
    "grey16": images.grey16_png(),
    "alpha": images.with_alpha(),
    "gif": images.gif(),
    "webp": images.webp(),
    "lossless": images.webp(lossless=True),
    "webp alpha": images.with_alpha(kind="WEBP"),
    "segments": images.jpeg_with_segments(400_000),
} | {
    f"{kind.__name__} {turn}": kind(orientation=turn)
    for kind in (images.jpeg, images.png, images.webp)
    for turn in range(1, 9)
}


@pytest.mark.parametrize("name", GOOD)
def test_agrees_with_pillow(name: str) -> None:
    data = GOOD[name]
    with Image.open(BytesIO(data)) as image:
        expected = (image.format, ImageOps.exif_transpose(image).size)
    found = probe_file(data)
    assert (found.format.upper(), (found.width, found.height)) == expected


@pytest.mark.parametrize("name", GOOD)
def test_every_prefix_tells_the_truth_or_asks_for_more(name: str) -> None:
    data = GOOD[name]
    whole, answered = probe(data), 0
    for size in [*range(1, 2000, 7), *range(2000, len(data), 5003)]:
        try:
            assert probe(data[:size]) == whole
            answered += 1
        except NeedsMoreBytes:
            assert not answered


@pytest.mark.parametrize(("name", "plain"), [("jpeg", True), ("cmyk", False), ("png", True), ("grey16", False)])
def test_tells_what_providers_may_refuse(name: str, plain: bool) -> None:
    assert probe(GOOD[name]).plain is plain


def test_a_large_plain_jpeg_needs_few_bytes() -> None:
    assert probe(images.jpeg(4000, 3000)[:2048]).width == 4000


def test_a_long_preamble_needs_more_bytes() -> None:
    with pytest.raises(NeedsMoreBytes):
        probe(images.jpeg_with_segments(400_000)[:262_144])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animations_are_unsupported(kind: str) -> None:
    with pytest.raises(ImageError, match="Animated") as caught:
        probe(images.animated(kind))
    assert caught.value.code == "image_unsupported"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (images.encode(images.picture(), "BMP"), "BMP"),
        (images.encode(images.picture(), "TIFF"), "TIFF"),
        (b"\0\0\0\x18ftypavis\0\0\0\0mif1", "an AVIF sequence"),
        (b"\xff\x0a" + b"\0" * 20, "JPEG XL"),
        (b"%PDF-1.7 and so on", "PDF"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "SVG"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><p>Not found", "HTML"),
        (b'{"error": "no such picture"}', "JSON"),
    ],
)
def test_other_types_are_named(data: bytes, name: str) -> None:
    with pytest.raises(ImageError, match=f"This is {name}") as caught:
        probe(data)
    assert caught.value.code == "image_unsupported"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"abc",
        b"not an image at all",
        b"\xff\xd8\xff\xd9" + b"\0" * 20,
        b"\xff\xd8\xff" + b"\xff" * 2_000_000,
        b"\xff\xd8\xff" + b"\xff\x01" * 1_000_000,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"GIF89a" + b"\x01\0\x01\0\0\0\0" + b"\x21\xf9\0" * 1_000_000,
        b"RIFF\x10\0\0\0WEBPVP8 \x04\0\0\0" + b"\0" * 40,
        images.encode(images.picture(), "AVIF")[:-5],
        images.png()[:-12],
        images.gif()[:-1],
        images.webp()[:-5],
    ],
)
def test_garbage_and_truncated_files_are_corrupt(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        probe_file(data)
    assert caught.value.code == "image_corrupt"


@pytest.mark.parametrize("size", [(30_000, 30_000), (16_385, 1), (10_001, 10_000)])
def test_too_many_pixels_are_refused_by_the_header(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError) as caught:
        probe(images.bomb_png(*size))
    assert caught.value.code == "image_too_large"


def test_fifty_megapixels_of_a_phone_are_taken() -> None:
    assert probe(images.bomb_png(8_160, 6_144)).width == 8_160


@pytest.mark.parametrize("data", [images.jpeg()[:-2], images.jpeg()[:300]])
def test_a_jpeg_without_its_end_is_looked_at_before_it_is_sent(data: bytes) -> None:
    assert not probe_file(data).ended


def test_the_size_of_an_avif_is_read_from_its_first_bytes() -> None:
    data = images.encode(images.picture(300, 200), "AVIF")
    assert (probe(data[:2_000]).format, probe(data[:2_000]).width, probe_file(data).height) == ("avif", 300, 200)


@pytest.mark.parametrize(("screen", "size"), [((1, 1), (60, 40)), ((60, 40), (60, 40)), ((500, 20), (500, 40))])
def test_a_gif_is_as_large_as_its_screen_and_its_frame(screen: tuple[int, int], size: tuple[int, int]) -> None:
    data = bytearray(images.gif(60, 40))
    data[6:10] = b"".join(side.to_bytes(2, "little") for side in screen)
    found = probe_file(bytes(data))
    assert (found.width, found.height) == size


@given(st.sampled_from(["jpeg 6", "png 6", "gif", "webp 6", "lossless"]), st.data())
def test_flipped_bytes_never_crash(name: str, draw: st.DataObject) -> None:
    data = bytearray(GOOD[name])
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    with contextlib.suppress(ImageError):
        probe_file(bytes(data))
