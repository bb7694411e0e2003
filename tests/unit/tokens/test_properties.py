"""What holds for every size."""

from decimal import Decimal, localcontext
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import ImageError
from vision.tokens import ImageTokens, count_image, details, get_rule
from vision.tokens.facts import rules
from vision.tokens.patches import Patches, cover, shrink
from vision.tokens.scale import within

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


@given(sides, sides)
def test_a_refusal_names_the_largest_size_that_fits(width: int, height: int) -> None:
    with pytest.raises(ImageError) as refusal:
        count_image("gpt-5.6-sol", "original", width + 6000, height + 6000)
    stated = refusal.value.message.partition("fits is ")[2].partition(";")[0]
    fitting = tuple(int(side) for side in stated.split("x"))
    assert counted(("gpt-5.6-sol", "original"), *fitting)
    larger = within(width + 6000, height + 6000, max(fitting) + 1)
    assert counted(("gpt-5.6-sol", "original"), *larger) is None


@given(patch_levels, ordinary, ordinary, st.integers(0, 500))
def test_a_wider_image_never_costs_less_while_nothing_is_scaled(
    level: tuple[str, str], width: int, height: int, more: int
) -> None:
    narrow, wide = counted(level, width, height), counted(level, width + more, height)
    if narrow and wide and (wide.width, wide.height) == (width + more, height):
        assert narrow.tokens <= wide.tokens


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
