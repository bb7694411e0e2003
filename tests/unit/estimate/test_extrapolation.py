"""From a sample to the whole: what is estimated, and whether the interval keeps its promise."""

import random
from collections.abc import Iterable

import pytest

from vision.estimate.arithmetic import Extrapolation, Sums, student

PER_TOKEN, PER_ITEM = 1.0, 500.0


def sums(tokens: Iterable[int], unreadable: int = 0) -> Sums:
    """Of accepted items with so many image tokens each, and of some that cost nothing."""
    known = list(tokens)
    squares = float(sum(each**2 for each in known))
    return Sums(len(known) + unreadable, len(known), image_tokens=sum(known), squares=squares)


def population(dice: random.Random, size: int) -> list[int]:
    """Skewed, as real images are: many thumbnails, a few posters."""
    return [int(min(36_000, dice.lognormvariate(6.5, 0.8))) for _ in range(size)]


def test_what_is_counted_whole_is_exact():
    known = Extrapolation(3, sums([5, 6, 7]), 0, Sums())
    measured = Extrapolation(5, sums([5, 6, 7]), 2, sums([10], unreadable=1))
    for each, tokens, items in ((known, 18, 3), (measured, 28, 4)):
        assert each.exact
        assert (each.image_tokens(), each.items()) == (tokens, items)
        assert each.interval(PER_TOKEN, PER_ITEM) is None


def test_a_sample_stands_for_the_rest_of_its_kind_only():
    found = Extrapolation(1_010, sums([100] * 10), 1_000, sums([200, 400]))
    assert not found.exact
    assert found.image_tokens() == 1_000 + 1_000 * 300
    assert found.items() == 1_010


def test_a_sample_that_is_all_alike_leaves_no_doubt():
    low, high = Extrapolation(1_000, Sums(), 1_000, sums([765] * 50)).interval(PER_TOKEN, PER_ITEM) or (0, 0)
    assert low == pytest.approx(1_000 * 1_265)
    assert high == pytest.approx(1_000 * 1_265)


def test_a_single_measurement_tells_no_spread():
    assert Extrapolation(1_000, sums([1, 2]), 998, sums([3])).interval(PER_TOKEN, PER_ITEM) is None


def test_refused_and_oversized_and_unreadable_items_are_a_share_and_cost_nothing():
    measured = Sums(10, 5, rejected=2, too_large=1, image_tokens=5_000, squares=5e6)  # and 2 unreadable
    found = Extrapolation(100, Sums(), 100, measured)
    assert (found.items(), found.rejected(), found.too_large(), found.image_tokens()) == (50, 20, 10, 50_000)


def test_the_interval_never_falls_below_what_was_seen():
    low, high = Extrapolation(12, sums([1_000]), 11, sums([1, 1, 90_000])).interval(1, 0) or (0, 0)
    assert low == 91_002
    assert high > 12 / 3 * 91_002


@pytest.mark.parametrize("kind", ["images", "lines", "both", "with unreadable"])
def test_the_interval_covers_the_truth_as_often_as_it_says(kind: str):
    """2,000 samples of a known population: 95 % of them, but for the skew and for chance."""
    dice = random.Random(42)
    covered, tries = 0, 2_000
    everything = population(dice, 3_000)
    if kind == "with unreadable":
        everything[::10] = [-1] * 300
    truth = sum(each + PER_ITEM for each in everything if each >= 0)
    for _ in range(tries):
        read = everything if kind in {"images", "with unreadable"} else dice.sample(everything, 1_500)
        known, unknown = (read, []) if kind == "lines" else (read[:500], read[500:])
        measured = dice.sample(unknown, min(len(unknown), 256))
        found = Extrapolation(
            3_000,
            sums(each for each in known if each >= 0) + Sums(items=known.count(-1)),
            len(unknown),
            sums([each for each in measured if each >= 0], measured.count(-1)),
        )
        low, high = found.interval(PER_TOKEN, PER_ITEM) or (0, 0)
        covered += low <= truth <= high
    assert 0.93 <= covered / tries <= 0.97


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [
        (1, 12.706),
        (2, 4.303),
        (3, 3.182),
        (4, 2.776),
        (5, 2.571),
        (10, 2.228),
        (30, 2.042),
        (120, 1.980),
        (10**6, 1.96),
    ],
)
def test_students_t_is_the_published_one(degrees: int, quantile: float):
    """NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2, two-sided 95 %."""
    assert student(degrees) == pytest.approx(quantile, abs=0.001)
