"""What is sent upstream: untouched when fine, upright and plain otherwise."""

from functools import partial
from io import BytesIO

import pillow_heif
import pytest
from PIL import Image, ImageChops, ImageOps

from tests.fakes import images
from vision.errors import ImageError
from vision.images.prepare import Prepared, Target, prepare
from vision.tokens.formulas.scale import within


def opened(prepared: Prepared) -> Image.Image:
    """The result as a decoder sees it, checked against what Prepared says of it."""
    image = Image.open(BytesIO(prepared.data))
    assert Image.MIME[image.format or ""] == prepared.media_type
    assert image.size == (prepared.width, prepared.height)
    return image


@pytest.mark.parametrize(
    "data",
    [images.jpeg(), images.png(), images.gif(), images.webp(), images.palette_png()],
)
def test_a_fine_image_passes_untouched(data: bytes) -> None:
    assert prepare(data).data is data


@pytest.mark.parametrize("turn", range(2, 9))
@pytest.mark.parametrize("make", [images.jpeg, images.png, images.webp])
def test_turned_images_come_out_upright(make: object, turn: int) -> None:
    data = make(64, 32, orientation=turn)  # type: ignore[operator]  # three functions with one signature
    result = opened(prepare(data))
    expected = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")
    assert result.size == expected.size
    difference = ImageChops.difference(result.convert("RGB"), expected).resize((4, 4), Image.Resampling.BOX)
    assert max(high for _, high in difference.getextrema()) < 40
    assert not result.getexif()


def test_cmyk_becomes_rgb() -> None:
    result = opened(prepare(images.cmyk_jpeg()))
    red, green, blue = result.getpixel((25, 30))  # type: ignore[misc]  # RGB gives a tuple
    assert result.mode == "RGB"
    assert (red > 200, green < 60, blue < 60) == (True, True, True)


def test_sixteen_bits_become_eight_without_clipping() -> None:
    image = opened(prepare(images.grey16_png(), accepted=("png",)))
    assert [image.getpixel((x, 0)) for x in range(3)] == [0, 128, 255]


def test_types_the_provider_does_not_take_are_converted() -> None:
    assert prepare(images.gif(), accepted=("jpeg", "png")).media_type == "image/jpeg"
    assert prepare(images.webp(), accepted=("png",)).media_type == "image/png"


def test_transparency_survives_and_opaque_alpha_does_not_cost_a_png() -> None:
    clear = prepare(images.with_alpha(128, "WEBP"), accepted=("jpeg", "png"))
    assert opened(clear).getchannel("A").getextrema() == (128, 128)
    assert prepare(images.with_alpha(255, "WEBP"), accepted=("jpeg", "png")).media_type == "image/jpeg"


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("make", [images.jpeg, images.png, images.webp, partial(images.png, mode="P")])
def test_an_image_is_shrunk_to_the_very_size(turn: int, make: object) -> None:
    data = make(1600, 800, orientation=turn)  # type: ignore[operator]  # functions that take the same
    before = prepare(data)
    size = (before.width * 3 // 4 - 1, before.height // 2)
    result = prepare(data, target=lambda width, height: size)
    assert opened(result).size == size
    assert result.source_size == (before.width, before.height)


def test_shrinking_keeps_what_is_to_be_seen() -> None:
    data = images.jpeg(1600, 800, orientation=6)
    small = opened(prepare(data, target=partial(within, side=400))).convert("RGB")
    expected = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB").resize(small.size)
    assert small.size == (200, 400)
    difference = ImageChops.difference(small, expected).resize((4, 4), Image.Resampling.BOX)
    assert max(high for _, high in difference.getextrema()) < 10


def test_an_image_of_the_size_already_is_not_touched() -> None:
    data = images.jpeg(300, 200)
    assert prepare(data, target=partial(within, side=300)).data is data


def test_the_same_bytes_come_out_every_time() -> None:
    data = images.jpeg(500, 400, orientation=6)
    assert prepare(data, target=partial(within, side=200)) == prepare(data, target=partial(within, side=200))


def test_location_and_comments_go_and_the_colour_profile_stays() -> None:
    profile = bytearray(600)
    profile[16:20] = b"RGB "
    data = images.jpeg(orientation=3, icc_profile=bytes(profile), comment=b"at home")
    info = opened(prepare(data)).info
    assert info["icc_profile"] == bytes(profile)
    assert "exif" not in info
    assert "comment" not in info


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("make", [images.jpeg, images.png, images.webp, images.gif])
def test_truncated_files_are_corrupt(make: object, cut: float) -> None:
    data = make(200, 200)  # type: ignore[operator]  # four functions with one signature
    with pytest.raises(ImageError) as caught:
        prepare(data[: int(len(data) * cut)])
    assert caught.value.code == "image_corrupt"


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_may_lack_its_end_but_not_its_pixels(progressive: bool) -> None:
    noise = Image.effect_noise((400, 300), 90).convert("RGB")
    data = images.encode(noise, "JPEG", progressive=progressive)
    assert prepare(data[:-2]).data == data
    for cut in (50, 2_000, len(data) // 2):
        with pytest.raises(ImageError, match="incomplete"):
            prepare(data[:-cut])


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
@pytest.mark.parametrize("target", [None, partial(within, side=100)])
def test_photographs_of_phones_are_converted(kind: str, target: Target | None) -> None:
    pillow_heif.register_heif_opener()
    data = images.encode(images.picture(300, 200), kind)
    prepared = prepare(data, target=target)
    assert (prepared.media_type, prepared.source_size) == ("image/jpeg", (300, 200))
    assert opened(prepared).size == ((300, 200) if target is None else (100, 67))


def test_pixels_that_do_not_decode_are_corrupt() -> None:
    with pytest.raises(ImageError) as caught:
        prepare(images.bomb_png(2000, 2000), target=partial(within, side=100))
    assert caught.value.code == "image_corrupt"


def test_bombs_are_too_large() -> None:
    with pytest.raises(ImageError) as caught:
        prepare(images.bomb_png(), target=partial(within, side=100))
    assert caught.value.code == "image_too_large"
