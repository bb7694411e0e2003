"""Dollars and seconds of a row."""

from decimal import Decimal

from vision.estimate.arithmetic import Extrapolation, Sums, Terms, figures
from vision.prices import Price
from vision.provider.limits import Limit

PRICE = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), "a test")
HALF = Price(Decimal("0.075"), Decimal("0.0375"), Decimal("0.30"), "a test")


def exactly(items: int, tokens: int, **other: int) -> Extrapolation:
    """Items that were all counted, of so many image tokens each."""
    accepted = Sums(items, items, image_tokens=items * tokens, squares=float(items * tokens**2))
    return Extrapolation(items + sum(other.values()), accepted + Sums(sum(other.values()), **other), 0, Sums())


def test_prices_apply_to_the_sums():
    """Item by item three times 0.0000001 would be rounded up three times."""
    found = figures(exactly(3, 1), Terms(text_tokens=0, output_tokens=0, price=PRICE))
    assert found.cost == Decimal("0.00000045")
    assert found.cost_per_item == Decimal("0.00000015")


def test_tokens_and_dollars_and_their_parts():
    terms = Terms(500, 60, PRICE, batch=HALF, flex=None, limit=Limit(100, 1_000_000))
    found = figures(exactly(1_000, 2_833), terms)
    assert (found.image_tokens, found.text_tokens, found.output_tokens) == (2_833_000, 500_000, 60_000)
    assert (found.input_tokens, found.total_tokens, found.interval) == (3_333_000, 3_393_000, None)
    assert found.cost == Decimal("0.49995") + Decimal("0.036")
    assert found.batch_cost == (Decimal("0.49995") + Decimal("0.036")) / 2
    assert (found.flex_cost, found.cost_interval) == (None, None)


def test_time_is_that_of_the_tighter_limit_rounded_up():
    assert figures(exactly(1_000, 900), Terms(50, 50, limit=Limit(100, 10**9))).seconds == 600
    assert figures(exactly(1_000, 900), Terms(50, 50, limit=Limit(10**9, 1_000_000))).seconds == 60
    assert figures(exactly(1_000, 901), Terms(50, 50, limit=Limit(10**9, 1_000_000))).seconds == 61
    assert figures(exactly(1_000, 900), Terms(50, 50)).seconds is None


def test_without_a_price_there_is_no_cost_and_no_interval_of_it():
    found = figures(Extrapolation(100, Sums(), 100, Sums(2, 2, image_tokens=30, squares=500.0)), Terms(50, 50))
    assert (found.cost, found.cost_interval, found.cost_per_item) == (None, None, None)
    assert found.interval is not None


def test_what_cannot_be_sent_costs_nothing_and_takes_no_time():
    terms = Terms(500, 60, PRICE, limit=Limit(10, 10**9))
    found, sendable = figures(exactly(10, 100, rejected=4, too_large=6), terms), figures(exactly(10, 100), terms)
    assert (found.rejected, found.too_large) == (4, 6)
    assert (found.cost, found.seconds, found.total_tokens) == (sendable.cost, sendable.seconds, sendable.total_tokens)
    assert found.cost_per_item == (sendable.cost or Decimal(0)) / 20


def test_both_intervals_lie_around_their_figures():
    measured = Sums(50, 50, image_tokens=50_000, squares=6e7)
    found = figures(Extrapolation(10_000, Sums(), 10_000, measured), Terms(500, 60, PRICE))
    assert found.interval
    assert found.cost_interval
    assert found.interval[0] < found.total_tokens < found.interval[1]
    assert found.cost_interval[0] < (found.cost or 0) < found.cost_interval[1]
    # Only the images are in doubt, and they are input.
    reach = found.interval[1] - found.total_tokens
    dollars = found.cost_interval[1] - (found.cost or 0)
    assert abs(dollars - reach * Decimal("0.15") / 1_000_000) < Decimal("0.000001")
