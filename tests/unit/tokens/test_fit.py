"""Shrinking images before they are sent: what is taken off, what is never taken off, and what it saves."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vision.errors import ImageError, InvalidRequest
from vision.tokens import NO_FIT, Fit, count_image, count_sent, get_rule, sent_size
from vision.tokens.count import MAX_SIDE
from vision.tokens.facts import rules
from vision.tokens.savings import count_saving

SNAP = Fit("snap")

sides = st.one_of(st.integers(1, 9000), st.integers(1, 300), st.integers(1, 200_000))
every = [(rule.name, detail, level) for rule in rules().values() for detail, level in rule.levels.items()]
levels = st.sampled_from([(rule, detail) for rule, detail, _ in every])
gridded = st.sampled_from([(rule, detail, level.cell) for rule, detail, level in every if level.cell])
fits = st.one_of(st.sampled_from([NO_FIT, SNAP]), st.builds(Fit, st.just("max"), st.integers(1, 9000)))


def tokens(rule: str, detail: str, fit: Fit, width: int, height: int) -> int | None:
    try:
        return count_sent(rule, detail, fit, width, height).tokens
    except ImageError:
        return None


@pytest.mark.parametrize(
    ("model", "detail", "given", "sent", "before", "after"),
    [
        ("gpt-4o", "high", (600, 1025), (599, 1024), 1105, 765),
        ("gpt-4o-mini", "high", (556, 400), (512, 368), 14167, 8500),
        ("gpt-4o", "high", (1100, 1540), (732, 1024), 1105, 765),
        ("gpt-5.4", "high", (1025, 1024), (1024, 1023), 1268, 1229),
        ("gpt-5.4", "high", (1024, 1025), (1023, 1024), 1268, 1229),
        ("gpt-5.4", "high", (1030, 1030), (1024, 1024), 1307, 1229),
        ("gpt-5.4", "high", (69, 10), (64, 10), 4, 3),
        ("gpt-5.6-luna", "auto", (4032, 3024), (4011, 3008), 14364, 14213),
        ("gpt-5.6-luna", "low", (4000, 3100), (495, 384), 250, 231),
        ("gpt-image-1", "high", (1000, 1055), (485, 512), 6563, 6434),
        ("claude-opus-5", "high", (1009, 1000), (989, 980), 1332, 1260),
        ("claude-haiku-4-5", "high", (2000, 1500), (1260, 945), 1564, 1530),
    ],
)
def test_a_side_just_over_a_line_of_the_grid_is_taken_down_to_it(
    model: str, detail: str, given: tuple[int, int], sent: tuple[int, int], before: int, after: int
) -> None:
    assert count_image(model, detail, *given).tokens == before
    assert sent_size(model, detail, SNAP, *given) == sent
    counted = count_sent(model, detail, SNAP, *given)
    assert (counted.tokens, counted.width, counted.height) == (after, *sent)
    assert count_saving(model, detail, SNAP, *given) == (after, before - after)


@pytest.mark.parametrize(
    ("model", "detail", "size"),
    [
        ("gpt-5.4", "high", (1024, 1024)),
        ("gpt-5.4", "high", (1600, 1600)),
        ("gpt-4o", "high", (512, 1024)),
        ("gpt-4o", "high", (768, 768)),
        ("gpt-4o-mini", "high", (557, 400)),
        ("gpt-5.4", "high", (70, 70)),
        ("gpt-5.4", "high", (31, 20)),
        ("gpt-4o-mini", "low", (1025, 1025)),
        ("none", "auto", (1025, 1025)),
        ("gemini-2.5-flash", "high", (1025, 1025)),
        ("gemini-3-flash", "high", (1025, 1025)),
        ("claude-3-5-sonnet", "high", (1009, 1009)),
    ],
)
def test_what_snap_leaves_alone(model: str, detail: str, size: tuple[int, int]) -> None:
    assert sent_size(model, detail, SNAP, *size) == size


@pytest.mark.parametrize("size", [(766, 500), (500, 766)])
def test_of_two_sizes_that_cost_the_same_the_larger_one_is_sent(size: tuple[int, int]) -> None:
    """736x480, by the long side, and 735x480, by the short one, are 23x15 patches."""
    turn = 1 if size[0] > size[1] else -1
    assert sent_size("gpt-5.4", "high", SNAP, *size) == (736, 480)[::turn]
    assert count_image("gpt-5.4", "high", 735, 480).tokens == count_image("gpt-5.4", "high", 736, 480).tokens == 414


@given(gridded, sides, sides)
def test_snap_takes_a_line_off_for_fewer_tokens_and_at_most_eight_per_cent(
    level: tuple[str, str, int], width: int, height: int
) -> None:
    rule, detail, cell = level
    before = tokens(rule, detail, NO_FIT, width, height)
    sent = sent_size(rule, detail, SNAP, width, height)
    if sent == (width, height):
        assert tokens(rule, detail, SNAP, width, height) == before
        return
    seen = count_image(rule, detail, width, height)
    after = count_image(rule, detail, *sent)
    assert before is not None
    assert after.tokens < before
    assert (after.width, after.height) == sent, "the provider must not scale it again"
    pairs = list(zip(sent, (seen.width, seen.height), strict=True))
    assert all(92 * was <= 100 * now <= 100 * was for now, was in pairs)
    assert any(now % cell == 0 and now == was - was % cell < was for now, was in pairs)


@given(gridded, st.integers(1, 5000), st.integers(1, 5000))
def test_snap_misses_no_size_that_costs_less(level: tuple[str, str, int], width: int, height: int) -> None:
    rule, detail, cell = level
    assume(tokens(rule, detail, NO_FIT, width, height) is not None)
    seen = count_image(rule, detail, width, height)
    best = seen.tokens
    for side, other, turn in ((seen.width, seen.height, 1), (seen.height, seen.width, -1)):
        scale = Fraction(side // cell * cell, side)
        if Fraction(92, 100) <= scale < 1:
            nearest = floor(other * scale + Fraction(1, 2))
            size = (side // cell * cell, max(nearest, -(-92 * other // 100)))
            best = min(best, count_image(rule, detail, *size[::turn]).tokens)
    assert tokens(rule, detail, SNAP, width, height) == best


@given(levels, fits, sides, sides)
def test_no_fit_enlarges(level: tuple[str, str], fit: Fit, width: int, height: int) -> None:
    wide, high = sent_size(*level, fit, width, height)
    assert 1 <= wide <= width
    assert 1 <= high <= height


@given(levels, sides, sides)
def test_snap_never_costs_more_and_refuses_what_is_refused(level: tuple[str, str], width: int, height: int) -> None:
    before, after = tokens(*level, NO_FIT, width, height), tokens(*level, SNAP, width, height)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after <= before


@given(levels, st.integers(1, MAX_SIDE), sides, sides)
def test_max_keeps_the_bound_and_the_shape(level: tuple[str, str], bound: int, width: int, height: int) -> None:
    wide, high = sent_size(*level, Fit("max", bound), width, height)
    assert max(wide, high) == min(bound, max(width, height))
    scale = Fraction(max(wide, high), max(width, height))
    for now, was in ((wide, width), (high, height)):
        assert now == 1 or abs(now - was * scale) <= Fraction(1, 2)
    assert tokens(*level, Fit("max", bound), width, height) == tokens(*level, NO_FIT, wide, high)


@given(levels, sides, sides)
def test_without_a_fit_an_image_is_sent_as_it_is(level: tuple[str, str], width: int, height: int) -> None:
    assert Fit() == NO_FIT
    assert sent_size(*level, NO_FIT, width, height) == (width, height)


def test_an_image_over_the_limit_is_refused_unless_max_brings_it_under() -> None:
    assert sent_size("gpt-5.6-luna", "auto", SNAP, 8001, 6000) == (8001, 6000)
    for fit in (NO_FIT, SNAP, Fit("max", 7000)):
        with pytest.raises(ImageError, match="patches"):
            count_sent("gpt-5.6-luna", "auto", fit, 8001, 6000)
    assert count_sent("gpt-5.6-luna", "auto", Fit("max", 6400), 8000, 6000).tokens == 36_000
    assert count_saving("gpt-5.6-luna", "auto", Fit("max", 6400), 8000, 6000) == (36_000, 0)


@pytest.mark.parametrize(
    ("kind", "max_side", "param", "says"),
    [
        ("shrink", None, "fit", "none, snap, max"),
        ("", None, "fit", "none, snap, max"),
        ("max", None, "max_side", "needs max_side"),
        ("max", 0, "max_side", "from 1"),
        ("max", -5, "max_side", "from 1"),
        ("max", 2**31, "max_side", "from 1"),
        ("max", 1024.0, "max_side", "from 1"),
        ("max", True, "max_side", "from 1"),
        ("max", "1024", "max_side", "from 1"),
        ("none", 1024, "max_side", "goes with fit 'max'"),
        ("snap", 1024, "max_side", "goes with fit 'max'"),
    ],
)
def test_a_fit_that_is_none(kind: str, max_side: int | None, param: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as error:
        Fit(kind, max_side)
    assert (error.value.code, error.value.param) == ("invalid_fit", param)


@pytest.mark.parametrize("fit", [NO_FIT, SNAP, Fit("max", 100)], ids=str)
def test_bad_sizes_models_and_details_are_the_same_errors_as_without(fit: Fit) -> None:
    wrong = [
        ("gpt-4o", "low", 0, 64, "invalid_size"),
        ("gpt-4o", "high", 64, -1, "invalid_size"),
        ("gpt-4o", "original", 64, 64, "unsupported_detail"),
        ("llava", "low", 64, 64, "unknown_model"),
    ]
    for model, detail, width, height, code in wrong:
        for ask in (sent_size, count_sent):
            with pytest.raises(InvalidRequest) as error:
                ask(model, detail, fit, width, height)
            assert error.value.code == code


def test_every_level_says_whether_it_has_a_grid() -> None:
    cells: dict[str, set[int | None]] = {type(level).__name__: set() for _, _, level in every}
    for _, _, level in every:
        cells[type(level).__name__].add(level.cell)
    assert cells == {"Patches": {32}, "Tiles": {512}, "Fixed": {None}, "Native": {28, None}, "Crops": {None}}
    assert get_rule("claude-3-5-sonnet").levels["high"].cell is None
