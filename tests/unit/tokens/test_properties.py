"""What holds for every size."""

from decimal import Decimal, localcontext
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import ImageError
from vision.tokens import ImageTokens, count_image, details, get_rule, least_tokens, most_tokens
from vision.tokens.facts import rules
from vision.tokens.formulas.patches import Patches, cover, shrink
from vision.tokens.formulas.scale import within

# Everyday sizes, and now and then a strip or a giant.
sides = st.one_of(st.integers(1, 9000), st.integers(1, 300), st.integers(1, 200_000))
ordinary = st.integers(1, 9000)
levels = st.sampled_from([(rule.name, detail) for rule in rules().values() for detail in rule.levels])
patch_levels = st.sampled_from(
    [
        (rule.name, detail)
        for rule in rules().values()
        for detail, level in rule.levels.items()
        if isinstance(level, Patches)
    ]
)


def counted(level: tuple[str, str], width: int, height: int) -> ImageTokens | None:
    try:
        return count_image(*level, width, height)
    except ImageError:
        return None


@given(levels, sides, sides)
def test_no_image_is_enlarged_or_lost(level: tuple[str, str], width: int, height: int) -> None:
    if found := counted(level, width, height):
        assert 1 <= found.width <= width
        assert 1 <= found.height <= height
        assert found.tokens > 0 or found.rule == "none"


@given(levels, sides, sides)
def test_turning_an_image_costs_nothing(level: tuple[str, str], width: int, height: int) -> None:
    upright, turned = counted(level, width, height), counted(level, height, width)
    assert (upright and upright.tokens) == (turned and turned.tokens)


@given(patch_levels, sides, sides)
def test_size_budget_and_limit_are_kept(level: tuple[str, str], width: int, height: int) -> None:
    sizing = get_rule(level[0]).levels[level[1]]
    assert isinstance(sizing, Patches)
    fitted = cover(*within(width, height, sizing.side))
    refused = sizing.budget is None and sizing.limit is not None and fitted > sizing.limit
    found = counted(level, width, height)
    assert (found is None) == refused
    if found is not None:
        assert max(found.width, found.height) <= sizing.side
        assert found.patches == cover(found.width, found.height)
        assert found.patches <= (sizing.budget or found.patches)
        assert found.tokens == ceil(found.patches * sizing.multiplier)


@given(sides, sides, st.sampled_from([(2048, 1536), (2048, 2500), (65_535, 2500), (6000, 10_000)]))
def test_shrinking_is_the_formula_of_the_guide(width: int, height: int, sizes: tuple[int, int]) -> None:
    side, budget = sizes
    width, height = within(width, height, side)
    if cover(width, height) <= budget:
        return
    with localcontext(prec=60):
        scale = (Decimal(32 * 32 * budget) / (width * height)).sqrt()
        across, down = width * scale / 32, height * scale / 32
        hair = Decimal("1e-40")
        scale *= min(floor(across + hair) / across, floor(down + hair) / down)
        expected = floor(width * scale + hair), floor(height * scale + hair)
    assert shrink(width, height, budget) == expected


limited = st.sampled_from(
    [
        (rule.name, detail, level)
        for rule in rules().values()
        for detail, level in rule.levels.items()
        if isinstance(level, Patches) and level.limit is not None and level.budget is None and level.side > 5536
    ]
)


@given(limited, sides, sides)
def test_a_refusal_names_the_largest_size_that_fits(level: tuple[str, str, Patches], width: int, height: int) -> None:
    """Of the sizes of this shape: one pixel more on the long side, and the model refuses it again."""
    rule, detail, sizing = level
    width, height = width + 6000, height + 6000
    with pytest.raises(ImageError) as refusal:
        count_image(rule, detail, width, height)
    stated = refusal.value.message.partition("fits is ")[2].partition(";")[0]
    fitting = tuple(int(side) for side in stated.split("x"))
    assert fitting == within(width, height, max(fitting))
    assert counted((rule, detail), *fitting)
    assert max(fitting) < sizing.side
    for more in (1, 2, 33, 500):
        assert counted((rule, detail), *within(width, height, max(fitting) + more)) is None


@pytest.mark.parametrize("size", [(8000, 6000), (65_535, 60_000), (70_000, 3000), (480, 66_000), (5537, 5537)])
def test_the_largest_size_is_the_one_that_trying_them_all_finds(size: tuple[int, int]) -> None:
    every = [within(*size, side) for side in range(1, max(size) + 1)]
    largest = max(tried for tried in every if cover(*within(*tried, 65_535)) <= 30_000)
    with pytest.raises(ImageError, match=f"fits is {largest[0]}x{largest[1]};"):
        count_image("gpt-6-astra", "original", *size)


@given(patch_levels, ordinary, ordinary, st.integers(0, 500))
def test_a_wider_image_never_costs_less_while_nothing_is_scaled(
    level: tuple[str, str], width: int, height: int, more: int
) -> None:
    narrow, wide = counted(level, width, height), counted(level, width + more, height)
    if narrow and wide and (wide.width, wide.height) == (width + more, height):
        assert narrow.tokens <= wide.tokens


unbounded = st.sampled_from(
    [
        (rule.name, detail, level.side)
        for rule in rules().values()
        for detail, level in rule.levels.items()
        if isinstance(level, Patches) and level.budget is None
    ]
)


@given(unbounded, ordinary, ordinary, st.integers(1, 40))
def test_without_a_budget_a_larger_copy_of_an_image_never_costs_less(
    level: tuple[str, str, int], width: int, height: int, times: int
) -> None:
    rule, detail, _ = level
    small, large = counted((rule, detail), width, height), counted((rule, detail), width * times, height * times)
    assert large is None or (small is not None and small.tokens <= large.tokens)


@given(unbounded, ordinary, ordinary, st.integers(0, 500), st.integers(0, 500))
def test_without_a_budget_each_side_adds_up_to_the_bound(
    level: tuple[str, str, int], width: int, height: int, more: int, taller: int
) -> None:
    rule, detail, side = level
    width, height = min(width, side), min(height, side)
    small, large = (width, height), (min(width + more, side), min(height + taller, side))
    fewer, most = counted((rule, detail), *small), counted((rule, detail), *large)
    assert most is None or (fewer is not None and fewer.tokens <= most.tokens)


@pytest.mark.parametrize(
    ("model", "detail", "small", "large"),
    [
        (
            "gpt-4o",
            "high",
            (2048, 700),
            (4096, 700),
        ),  # fitting the wider one halves its height: a row less
        ("gpt-5.6-luna", "low", (512, 512), (1024, 512)),  # likewise, to 512x256
        ("gpt-4.1-mini@A", "high", (1024, 1536), (1800, 2400)),  # 1,536 patches; scaled to the budget, 1,452
        ("gpt-4o", "high", (1025, 768), (2050, 1536)),  # the same shape: rounding takes 1025 pixels to 1024
        ("claude-haiku-4-5", "high", (784, 1568), (1920, 1080)),  # 1,568 patches; scaled to the budget, 1,560
        ("gemini-2.5-flash", "high", (533, 385), (533, 435)),  # crops grow with the short side: 3 x 2, then 2 x 2
    ],
)
def test_elsewhere_a_larger_image_can_cost_less(
    model: str, detail: str, small: tuple[int, int], large: tuple[int, int]
) -> None:
    assert count_image(model, detail, *large).tokens < count_image(model, detail, *small).tokens


@given(ordinary, ordinary)
def test_low_is_never_dearer_than_high_except_where_the_guide_has_it_so(width: int, height: int) -> None:
    for rule in rules().values():
        if "low" not in rule.levels or ("gpt-5.4" in rule.name and "@" not in rule.name):
            continue
        low, high = count_image(rule.name, "low", width, height), count_image(rule.name, "high", width, height)
        assert low.tokens <= high.tokens


@given(sides, sides)
def test_auto_is_the_level_that_the_rule_says(width: int, height: int) -> None:
    for rule in rules().values():
        assert details(rule.name)[0] == "auto"
        assert counted((rule.name, "auto"), width, height) == counted((rule.name, rule.auto), width, height)


@given(levels, sides, sides)
def test_an_image_costs_no_less_than_the_least_and_no_more_than_the_most(
    level: tuple[str, str], width: int, height: int
) -> None:
    if found := counted(level, width, height):
        assert least_tokens(*level) <= found.tokens <= most_tokens(*level)


@pytest.mark.parametrize(
    ("rule", "detail", "size", "most"),
    [
        ("openai:gpt-4o-mini", "high", (768, 2_048), 2_833 + 8 * 5_667),
        ("openai:gpt-4o", "low", (9, 9), 85),
        ("openai:gpt-5.4", "high", (1_600, 1_600), 3_000),
        ("openai:gpt-5.6-sol", "original", (4_800, 6_400), 36_000),
        ("none", "auto", (9_000, 9_000), 0),
    ],
)
def test_the_most_is_what_some_image_costs(rule: str, detail: str, size: tuple[int, int], most: int) -> None:
    assert most_tokens(rule, detail) == count_image(rule, detail, *size).tokens == most
