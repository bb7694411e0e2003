"""Claude: the sizes, tables and bounds that Anthropic has published."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import ImageError
from vision.tokens import count_image, details, find_rule, get_rule
from vision.tokens.formulas.native import Native

STANDARD, HIGH = (1568, 1568), (2576, 4784)

TIERS = {
    HIGH: (
        "claude-opus-4-7",
        "claude-opus-4-8",
        "claude-opus-5",
        "claude-opus-5-5",
        "claude-sonnet-5",
        "claude-sonnet-5-5",
        "claude-haiku-5-5",
        "claude-fable-5",
        "claude-fable-5-1",
        "claude-fable-5-2",
        "claude-mythos-5",
        "claude-mythos-5-1",
        "claude-mythos-5-2",
    ),
    STANDARD: (
        "claude-opus-4",
        "claude-opus-4-1",
        "claude-opus-4-5",
        "claude-opus-4-6",
        "claude-sonnet-4",
        "claude-sonnet-4-5",
        "claude-sonnet-4-6",
        "claude-haiku-4-5",
    ),
}

# Images and vision, "Resolution and token cost"; the last two from "Coordinates and bounding boxes".
# Size, then what is seen and its tokens on the standard tier, and the same on the high-resolution tier.
GUIDE = [
    ((200, 200), (200, 200), 64, (200, 200), 64),
    ((1000, 1000), (1000, 1000), 1296, (1000, 1000), 1296),
    ((1092, 1092), (1092, 1092), 1521, (1092, 1092), 1521),
    ((1920, 1080), (1456, 819), 1560, (1920, 1080), 2691),
    ((2000, 1500), (1270, 952), 1564, (2000, 1500), 3888),
    ((3840, 2160), (1456, 819), 1560, (2576, 1449), 4784),
    ((1075, 1520), (924, 1307), 1551, (1075, 1520), 2145),
]

models = st.sampled_from([(model, *tier) for tier, names in TIERS.items() for model in names])
sides = st.one_of(st.integers(1, 8000), st.integers(1, 100))


@pytest.mark.parametrize(("size", "standard", "standard_tokens", "high", "high_tokens"), GUIDE)
def test_the_table_of_the_guide(
    size: tuple[int, int], standard: tuple[int, int], standard_tokens: int, high: tuple[int, int], high_tokens: int
) -> None:
    for model, used, tokens in (("claude-haiku-4-5", standard, standard_tokens), ("claude-opus-5", high, high_tokens)):
        counted = count_image(model, "auto", *size)
        assert (counted.tokens, counted.width, counted.height) == (tokens, *used)
        assert counted.patches == tokens
        assert counted.confirmed
        assert count_image(model, "auto", *size[::-1]).tokens == tokens


@pytest.mark.parametrize(("tier", "names"), TIERS.items())
def test_models_by_tier(tier: tuple[int, int], names: tuple[str, ...]) -> None:
    for name in names:
        level = Native(*tier, longest=8000)
        rule = get_rule(name)
        assert rule.levels == {"auto": level, "high": level}
        assert (rule.name, rule.confirmed) == (f"anthropic:{name}", True)
        assert "platform.claude.com" in rule.source


@given(models, sides, sides)
def test_an_image_is_scaled_to_the_largest_size_of_its_shape_that_fits(
    model: tuple[str, int, int], width: int, height: int
) -> None:
    name, edge, budget = model

    def fits(long: int, short: int) -> bool:
        return ceil(long / 28) * 28 <= edge and ceil(long / 28) * ceil(short / 28) <= budget

    long, short = max(width, height), min(width, height)
    counted = count_image(name, "auto", width, height)
    used = max(counted.width, counted.height), min(counted.width, counted.height)
    assert counted.tokens == ceil(used[0] / 28) * ceil(used[1] / 28)
    assert fits(*used)
    if fits(long, short):
        assert used == (long, short)
    else:
        assert used[1] == max(1, round(used[0] / (long / short)))
        assert not fits(used[0] + 1, max(1, round((used[0] + 1) / (long / short))))
    assert (counted.width >= counted.height) == (width >= height) or used[0] == used[1]


@pytest.mark.parametrize("size", [(8001, 10), (10, 8001), (2**31 - 1, 2**31 - 1)])
def test_a_side_over_8000_pixels_is_refused(size: tuple[int, int]) -> None:
    for model in ("claude-opus-5", "claude-haiku-4-5", "claude-3-5-sonnet"):
        with pytest.raises(ImageError, match=r"8,000 a side.*fits is") as refusal:
            count_image(model, "auto", *size)
        assert refusal.value.code == "image_too_large"
        assert count_image(model, "auto", 8000, 8000).tokens <= 4784


# The guide of 2025: tokens, and the largest sizes that are not scaled down.
@pytest.mark.parametrize(("size", "tokens"), [((200, 200), 54), ((1000, 1000), 1334), ((1092, 1092), 1590)])
@pytest.mark.parametrize("model", ["claude-3.5-sonnet", "claude-3-7-sonnet-20250219", "claude-sonnet-4-5@A"])
def test_the_table_of_the_guide_of_2025(model: str, size: tuple[int, int], tokens: int) -> None:
    counted = count_image(model, "auto", *size)
    assert (counted.tokens, counted.width, counted.height, counted.patches) == (tokens, *size, None)
    assert not counted.confirmed


@pytest.mark.parametrize("size", [(1092, 1092), (951, 1268), (896, 1344), (819, 1456), (784, 1568)])
def test_the_largest_sizes_that_the_guide_of_2025_listed_are_the_largest(size: tuple[int, int]) -> None:
    counted = count_image("claude-3-5-sonnet", "auto", *size)
    assert (counted.width, counted.height) == size
    assert 1580 <= counted.tokens <= 1640, "about 1,600 tokens"
    larger = count_image("claude-3-5-sonnet", "auto", size[0] + 29, size[1] + 29)
    assert larger.height <= size[1] + 1


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("claude-3-5-sonnet-20241022", "anthropic:claude-3-5-sonnet@A"),
        ("claude-3-5-sonnet-latest", "anthropic:claude-3-5-sonnet@A"),
        ("anthropic/claude-3.5-sonnet", "anthropic:claude-3-5-sonnet@A"),
        ("anthropic/claude-sonnet-4.5", "anthropic:claude-sonnet-4-5"),
        ("claude-haiku-4-5-20251001", "anthropic:claude-haiku-4-5"),
        ("claude-sonnet-4-20250514", "anthropic:claude-sonnet-4"),
        ("claude-opus-4-0", "anthropic:claude-opus-4"),
        ("claude-opus-4-1-20250805", "anthropic:claude-opus-4-1"),
        ("claude-opus-5.5", "anthropic:claude-opus-5-5"),
        ("anthropic:claude-opus-5", "anthropic:claude-opus-5"),
        ("anthropic:claude-sonnet-4-6@A", "anthropic:claude-sonnet-4-6@A"),
    ],
)
def test_names(name: str, rule: str) -> None:
    assert find_rule(name) == rule
    assert find_rule(rule) == rule


def test_there_is_no_detail_to_choose() -> None:
    assert details("claude-opus-5") == ("auto", "high")


def test_the_preview_that_the_guide_does_not_name_is_unconfirmed() -> None:
    rule = get_rule("claude-mythos-preview")
    assert not rule.confirmed
    assert "preview" in rule.note
