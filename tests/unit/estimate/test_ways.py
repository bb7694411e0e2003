"""Many items counted at once come to what they come to one by one."""

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import charges
from vision.errors import ImageError
from vision.estimate.arithmetic import Sums, Way, Ways, ways
from vision.tokens import NO_FIT, Fit, count_sent, details, facts

ITEMS = st.lists(st.lists(st.tuples(st.integers(1, 9_000), st.integers(1, 9_000)), min_size=1, max_size=4), max_size=30)
WAYS = [
    Way(rule, detail, fit, max_image_tokens)
    for rule, detail in [("gpt-4o-mini", "high"), ("gpt-4o-mini", "low"), ("gpt-6-astra", "original"), ("none", "low")]
    for fit in (NO_FIT, Fit("snap"), Fit("max", 700))
    for max_image_tokens in (None, 40_000)
]


def by_hand(way: Way, items: list[list[tuple[int, int]]]) -> Sums:
    """One image at a time."""
    total = Sums()
    for sizes in items:
        try:
            tokens = sum(count_sent(way.rule, way.detail, way.fit, *size).tokens for size in sizes)
        except ImageError:
            total += Sums(items=1, rejected=1)
            continue
        if way.max_image_tokens is not None and tokens > way.max_image_tokens:
            total += Sums(items=1, too_large=1)
        else:
            total += Sums(items=1, accepted=1, image_tokens=tokens, squares=float(tokens**2))
    return total


@given(ITEMS)
def test_sums_are_those_of_single_counts(items: list[list[tuple[int, int]]]):
    counting = Ways(WAYS)
    for sizes in items:
        counting.add(tuple(side for size in sizes for side in size))
    for way in WAYS:
        assert counting.sums(way) == by_hand(way, items), way


def test_every_rule_there_is_can_be_estimated():
    dice = random.Random(3)
    items = [[(dice.randint(1, 4_000), dice.randint(1, 4_000))] for _ in range(8)]
    every = [
        Way(name, detail, fit)
        for name in facts.rules()
        for detail in details(name)
        for fit in (NO_FIT, Fit("snap"), Fit("max", 900))
    ]
    counting = Ways(every)
    for sizes in items:
        counting.add(sizes[0])
    for way in every:
        assert counting.sums(way) == by_hand(way, items), way


def test_what_is_held_does_not_grow(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ways, "MOST_IMAGES", 10)
    counting, way = Ways(WAYS), WAYS[0]
    items = [[(width, 1_000), (1_000, width)] for width in range(300, 700)] + [[(300, 300)]] * 1_000
    for sizes in items:
        counting.add(tuple(side for size in sizes for side in size))
        assert sum(len(sides) // 2 for sides in counting._sizes) <= 11
    assert counting.sums(way) == by_hand(way, items)


def test_unknown_sizes_count_where_sizes_do_not_matter():
    low, high = Way("gpt-4o-mini", "low", NO_FIT), Way("gpt-4o-mini", "high", NO_FIT)
    counting = Ways([low, high])
    counting.add_unsized(1)
    counting.add_unsized(3)
    counting.add((800, 600))
    assert counting.need_sizes
    assert counting.sums(low) == Sums(3, 3, image_tokens=5 * 2833, squares=11.0 * 2833**2)
    assert counting.sums(high).items == 1
    assert not Ways([low, Way("none", "high", Fit("snap"))]).need_sizes


def test_models_that_count_alike_are_counted_once():
    alike = [Way(f"gpt-5.6-{name}", detail, NO_FIT) for name in ("sol", "terra", "luna") for detail in ("low", "high")]
    assert len(Ways(alike)._by_size) == 2
    assert len(Ways([*alike, Way("gpt-5.6-sol", "low", Fit("snap"))])._by_size) == 3


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-4o", "gpt-5.4", "gpt-6-astra", "gpt-4.1-mini", "o4-mini"])
def test_they_are_what_the_fake_provider_charges(model: str):
    """The fake counts by an implementation of its own."""
    dice = random.Random(7)
    sizes = [(dice.randint(1, 5_000), dice.randint(1, 5_000)) for _ in range(500)]
    for detail in ("low", "high"):
        way = Way(model, detail, NO_FIT)
        counting = Ways([way])
        for size in sizes:
            counting.add(size)
        charged = sum(charges.image_tokens(model, detail, *size) for size in sizes)
        assert counting.sums(way).image_tokens == charged


def test_numpy_is_loaded_by_who_counts_only():
    code = (
        "import sys; from vision.estimate.arithmetic import Way, Ways; from vision.tokens import NO_FIT\n"
        "ways = Ways([Way('gpt-4o', 'high', NO_FIT)]); ways.add((8, 8)); assert 'numpy' not in sys.modules\n"
        "assert ways.sums(Way('gpt-4o', 'high', NO_FIT)).image_tokens == 255 and 'numpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
