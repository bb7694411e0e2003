"""Numbers that OpenAI has published, and the worked examples beside them, to the token."""

import pytest

from vision.errors import ImageError
from vision.tokens import count_image

PUBLISHED = [
    ("gpt-4o", "high", (1024, 1024), 765),
    ("gpt-4o", "high", (2048, 4096), 1105),
    ("gpt-4o", "low", (4096, 8192), 85),
    ("gpt-5.4", "high", (1024, 1024), 1229),
    ("gpt-5.4", "high", (2048, 2048), 3000),
    ("gpt-6-astra", "high", (4096, 512), 2458),
]

WORKED = [
    ("gpt-4o", "high", (1024, 1024), (768, 768), 4, 765),
    ("gpt-4o", "high", (2048, 4096), (768, 1536), 6, 1105),
    ("gpt-5.4", "high", (1024, 1024), (1024, 1024), 1024, 1229),
    ("gpt-5.4", "high", (2048, 2048), (1600, 1600), 2500, 3000),
    ("gpt-6-astra", "high", (4096, 512), (4096, 512), 2048, 2458),
    ("gpt-4.1-mini@A", "high", (1800, 2400), (1056, 1408), 1452, 2353),
    ("gpt-5.6-sol", "high", (4096, 512), (2048, 256), 512, 615),
    ("gpt-4.1-mini", "low", (1800, 2400), (1536, 2048), 3072, 4977),
    ("gpt-4.1-mini", "high", (1800, 2400), (1536, 2048), 3072, 4977),
    ("gpt-4.1-mini", "auto", (1800, 2400), (1536, 2048), 3072, 4977),
    ("gpt-5.4", "low", (2048, 2048), (2048, 2048), 4096, 4916),
    ("gpt-5.4", "original", (4032, 3024), (3669, 2752), 9890, 11868),
    ("gpt-5.5", "original", (4032, 3024), (3669, 2752), 9890, 11868),
    ("gpt-5.6-luna", "auto", (4032, 3024), (4032, 3024), 11970, 14364),
    ("gpt-5.6-luna", "high", (4032, 3024), (1824, 1368), 2451, 2942),
    ("gpt-5.6-luna", "low", (4032, 3024), (512, 384), 192, 231),
    ("gpt-4o-mini", "high", (512, 512), (512, 512), 1, 8500),
    ("gpt-4o-mini", "high", (1920, 1080), (1365, 768), 6, 36835),
    ("o3", "high", (1024, 1024), (768, 768), 4, 675),
    ("gpt-5.1", "high", (1024, 1024), (768, 768), 4, 630),
    ("gpt-image-1", "low", (1024, 1024), (512, 512), 1, 194),
    ("gpt-image-1", "low", (1024, 1536), (512, 768), 2, 323),
    ("gpt-image-1", "high", (1024, 1024), (512, 512), 1, 4354),
    ("gpt-image-1", "high", (1024, 1536), (512, 768), 2, 6563),
]

SIXTEEN = [
    ("gpt-4o", "high", (1024, 1024), 765),
    ("gpt-4o", "high", (640, 480), 425),
    ("gpt-4o", "high", (600, 1000), 765),
    ("gpt-4o", "high", (1080, 1920), 1105),
    ("gpt-4o", "high", (300, 2000), 765),
    ("gpt-4o-mini", "high", (1024, 1024), 25501),
    ("gpt-4o-mini", "low", (1024, 1024), 2833),
    ("gpt-5.1", "high", (1024, 1024), 630),
    ("gpt-4.1-mini", "high", (1024, 1024), 1659),
    ("gpt-4.1-mini", "high", (1800, 2400), 4977),
    ("gpt-5-mini", "high", (1024, 1024), 1229),
    ("gpt-5.4-mini", "high", (1024, 1024), 1229),
    ("gpt-5.4", "low", (2048, 2048), 4916),
    ("gpt-5.4", "original", (4032, 3024), 11868),
    ("gpt-5.6-luna", "auto", (4032, 3024), 14364),
]

# At 1024x1024 `high`, and `low` where the guide has it: the basis of every price per image in the docs.
ONE_MEGAPIXEL = [
    ("gpt-5-nano", 1536, None),
    ("gpt-6-luna", 1229, None),
    ("gpt-5.4-nano", 1229, 1229),
    ("gpt-5.6-luna", 1229, 308),
    ("gpt-4.1-nano", 2520, None),
    ("gpt-5-mini", 1229, None),
    ("gpt-4.1-mini", 1659, 1659),
    ("gpt-5.1", 630, 70),
    ("gpt-5", 630, 70),
    ("gpt-5.4-mini", 1229, 1229),
    ("o3", 675, 75),
    ("gpt-4.1", 765, 85),
    ("gpt-4o", 765, 85),
    ("o4-mini", 1762, None),
    ("gpt-5.2", 1229, 1229),
    ("gpt-5.6-terra", 1229, 308),
    ("gpt-5.4", 1229, 1229),
    ("gpt-4o-mini", 25501, 2833),
    ("gpt-5.6-sol", 1229, 308),
    ("gpt-5.5", 1229, 308),
    ("gpt-6-astra", 1229, 308),
]


@pytest.mark.parametrize(("model", "detail", "size", "tokens"), PUBLISHED + SIXTEEN)
def test_tokens(model: str, detail: str, size: tuple[int, int], tokens: int) -> None:
    assert count_image(model, detail, *size).tokens == tokens


@pytest.mark.parametrize(("model", "detail", "size", "used", "units", "tokens"), WORKED)
def test_worked_examples(
    model: str, detail: str, size: tuple[int, int], used: tuple[int, int], units: int, tokens: int
) -> None:
    counted = count_image(model, detail, *size)
    assert (counted.width, counted.height) == used
    assert units == (counted.tiles if counted.patches is None else counted.patches)
    assert counted.tokens == tokens


@pytest.mark.parametrize(("model", "high", "low"), ONE_MEGAPIXEL)
def test_one_megapixel(model: str, high: int, low: int | None) -> None:
    assert count_image(model, "high", 1024, 1024).tokens == high
    if low is not None:
        assert count_image(model, "low", 1024, 1024).tokens == low


@pytest.mark.parametrize("model", ["gpt-5.6-luna", "gpt-5.6-sol", "gpt-6-luna", "gpt-6-astra"])
def test_a_photograph_of_48_megapixels_is_refused(model: str) -> None:
    with pytest.raises(ImageError, match=r"47,000 patches.* 6400x4800") as refusal:
        count_image(model, "auto", 8000, 6000)
    assert refusal.value.code == "image_too_many_patches"


def test_the_refusal_that_was_seen_live_counts_the_same_patches() -> None:
    with pytest.raises(ImageError, match="41,334 patches"):
        count_image("gpt-6-luna", "auto", 7952, 5304)


@pytest.mark.parametrize(
    ("model", "base", "most"),
    [
        ("gpt-4o", 85, 1445),
        ("gpt-4o-mini", 2833, 48169),
        ("gpt-5.1", 70, 1190),
        ("o3", 75, 1275),
        ("computer-use-preview", 65, 1097),
    ],
)
def test_the_most_that_a_tile_model_charges(model: str, base: int, most: int) -> None:
    assert count_image(model, "high", 2048, 768).tokens == most
    assert count_image(model, "low", 2048, 768).tokens == base
    sizes = [(width, height) for width in range(1, 5000, 97) for height in range(1, 5000, 89)]
    assert max(count_image(model, "high", *size).tokens for size in sizes) <= most
