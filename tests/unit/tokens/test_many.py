"""Many sizes at once: the same numbers as one by one, for every rule, level of detail and fit."""

from math import isqrt
from random import Random
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import ImageError, InvalidRequest
from vision.tokens import NO_FIT, Fit, count_sent, get_rule
from vision.tokens.arrays import _root
from vision.tokens.count import MAX_SIDE
from vision.tokens.facts import rules
from vision.tokens.many import BLOCK, count_many

# One model for each set of numbers: many share theirs.
NAMES = sorted({str(rule.levels): rule.name for rule in rules().values()}.values())
FITS = [NO_FIT, Fit("snap"), Fit("max", 1), Fit("max", 700), Fit("max", 2048), Fit("max", MAX_SIDE)]

sides = st.one_of(st.integers(1, 9000), st.integers(1, 300), st.integers(1, 200_000), st.integers(1, MAX_SIDE))
levels = st.sampled_from([(rule.name, detail) for rule in rules().values() for detail in rule.levels])
fits = st.one_of(st.sampled_from(FITS), st.builds(Fit, st.just("max"), st.integers(1, 9000)))


def one_by_one(rule: str, detail: str, sizes: list[tuple[int, int]], fit: Fit) -> list[int]:
    def one(width: int, height: int) -> int:
        try:
            return count_sent(rule, detail, fit, width, height).tokens
        except ImageError:
            return -1

    return [one(*size) for size in sizes]


def at_once(rule: str, detail: str, sizes: list[tuple[int, int]], fit: Fit) -> list[int]:
    widths, heights = zip(*sizes, strict=True)
    counted: list[int] = count_many(rule, detail, widths, heights, fit).tolist()
    return counted


def everyday_and_extreme() -> list[tuple[int, int]]:
    """Sizes of every kind: photographs, thumbnails, strips, giants, and those beside the lines of the grids."""
    draw = Random(20261122)
    ordinary = [(draw.randint(1, 9000), draw.randint(1, 9000)) for _ in range(150)]
    small = [(draw.randint(1, 400), draw.randint(1, 400)) for _ in range(50)]
    lines = [28, 32, 56, 64, 384, 512, 768, 1024, 1536, 1568, 1600, 2048, 2576, 4096, 6000, 65535]
    beside = [(line + step, draw.choice(lines) + draw.randint(-1, 1)) for line in lines for step in (-1, 0, 1)]
    strips = [(draw.choice([1, 2, 31, 33]), int(10 ** draw.uniform(0, 9.3))) for _ in range(50)]
    extreme = [(1, 1), (MAX_SIDE, MAX_SIDE), (MAX_SIDE, 1), (5536, 5536), (5537, 5537)]
    sizes = ordinary + small + beside + strips + extreme
    return sizes + [(height, width) for width, height in sizes]


SIZES = everyday_and_extreme()


@pytest.mark.parametrize("fit", FITS, ids=str)
@pytest.mark.parametrize("rule", NAMES)
def test_every_rule_counts_many_as_it_counts_one(rule: str, fit: Fit) -> None:
    for detail in get_rule(rule).levels:
        assert at_once(rule, detail, SIZES, fit) == one_by_one(rule, detail, SIZES, fit), detail


@given(levels, fits, st.lists(st.tuples(sides, sides), min_size=1, max_size=60))
def test_any_sizes_are_counted_as_one_by_one(level: tuple[str, str], fit: Fit, sizes: list[tuple[int, int]]) -> None:
    assert at_once(*level, sizes, fit) == one_by_one(*level, sizes, fit)


@given(st.lists(st.integers(0, 3 * 10**9), min_size=1))
def test_roots_are_whole_and_exact_beside_every_square(bases: list[int]) -> None:
    numbers = [number for base in bases for number in (base * base - 1, base * base, base * base + 1) if number >= 0]
    assert _root(np.array(numbers, np.int64)).tolist() == [isqrt(number) for number in numbers]


def test_what_the_provider_would_reject_is_minus_one() -> None:
    counted = count_many("gpt-5.6-luna", "original", [8000, 4032, 6400], [6000, 3024, 4800])
    assert counted.dtype == np.int64
    assert counted.tolist() == [-1, 14364, 36000]


def test_blocks_join_without_a_seam() -> None:
    sizes = [(1 + number % 4099, 1 + number % 2053) for number in range(2 * BLOCK + 3)]
    counted = at_once("gpt-5.5", "high", sizes, NO_FIT)
    for place in (0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 2):
        assert counted[place : place + 1] == one_by_one("gpt-5.5", "high", sizes[place : place + 1], NO_FIT)
    assert len(counted) == len(sizes)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_any_whole_type_is_taken_and_left_as_it_was(dtype: type[np.integer]) -> None:
    widths, heights = np.array([1025, 9000], dtype), np.array([1024, 7001], dtype)
    kept = widths.copy(), heights.copy()
    assert count_many("gpt-5.4", "high", widths, heights, Fit("snap")).tolist() == [1229, 2890]
    assert (widths == kept[0]).all()
    assert (heights == kept[1]).all()


def test_no_sizes_are_no_tokens() -> None:
    assert count_many("gpt-4o", "low", [], []).tolist() == []
    assert count_many("gpt-5.5", "high", np.array([], np.int32), []).tolist() == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([64, 0], r"\[1\] is 0"),
        ([-64, 64], r"\[0\] is -64"),
        ([64, 2**31], r"\[1\] is 2147483648"),
        (np.array([64, 2**64 - 1], np.uint64), r"\[1\] is 18446744073709551615"),
        ([64, 10**30], "object"),
        ([64.0, 64.0], "float64"),
        ([True, True], "bool"),
        (["64", "64"], "whole pixels"),
        ([64, None], "object"),
        ([[64, 64]], "2 dimensions"),
        (64, "0 dimensions"),
        ([64, 64, 64], "3 "),
        ([], "0 "),
    ],
)
@pytest.mark.parametrize("detail", ["low", "high"])
def test_what_is_no_list_of_sizes(wrong: object, says: str, detail: str) -> None:
    for sizes in ((wrong, [64, 64]), ([64, 64], wrong)):
        with pytest.raises(InvalidRequest, match=says) as error:
            count_many("gpt-4o", detail, *sizes)
        assert error.value.code == "invalid_size"


def test_an_unknown_model_or_detail_is_the_same_error_as_for_one() -> None:
    for rule, detail, code in (("llava", "low", "unknown_model"), ("gpt-4o", "original", "unsupported_detail")):
        with pytest.raises(InvalidRequest) as error:
            count_many(rule, detail, [64], [64])
        assert error.value.code == code


def test_a_million_sizes_a_second() -> None:
    """Measured at eight times that; this keeps a loop over single sizes from coming back."""
    draw = np.random.default_rng(7)
    widths, heights = draw.integers(1, 6000, 200_000), draw.integers(1, 6000, 200_000)
    spent = []
    for _ in range(5):
        started = process_time()
        count_many("gpt-5.5", "original", widths, heights)
        spent.append(process_time() - started)
    assert min(spent) < 0.2
