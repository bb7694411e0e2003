"""Prices as of a date, and what a call costs."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import ConfigurationError
from vision.prices import FREE, Price, Usage, batch_factor, list_price, parse_price
from vision.prices.free import free_price
from vision.tokens import count_image, find_rule

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MINI = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test")


@pytest.mark.parametrize(
    ("model", "amounts", "batch", "image"),
    [
        ("gpt-5-nano", "0.05 0.005 0.40", "0.025 0.20", "0.0000768"),
        ("gpt-6-luna", "0.10 0.01 0.50", "0.05 0.25", "0.0001229"),
        ("gpt-5.4-nano", "0.20 0.02 1.25", "0.10 0.625", "0.0002458"),
        ("gpt-5.6-luna", "0.20 0.02 1.20", "0.10 0.60", "0.0002458"),
        ("gpt-4.1-nano", "0.10 0.025 0.40", "0.05 0.20", "0.0002520"),
        ("gpt-5-mini", "0.25 0.025 2.00", "0.125 1.00", "0.0003073"),
        ("gpt-4.1-mini", "0.40 0.10 1.60", "0.20 0.80", "0.0006636"),
        ("gpt-5.1", "1.25 0.125 10", "0.625 5", "0.0007875"),
        ("gpt-5", "1.25 0.125 10", "0.625 5", "0.0007875"),
        ("gpt-5.4-mini", "0.75 0.075 4.50", "0.375 2.25", "0.0009218"),
        ("o3", "2 0.5 8", "1 4", "0.0013500"),
        ("gpt-4.1", "2 0.5 8", "1 4", "0.0015300"),
        ("gpt-4o", "2.50 1.25 10", "1.25 5", "0.0019125"),
        ("o4-mini", "1.10 0.275 4.40", "0.55 2.20", "0.0019382"),
        ("gpt-5.2", "1.75 0.175 14", "0.875 7", "0.0021508"),
        ("gpt-5.6-terra", "2 0.20 12", "1 6", "0.0024580"),
        ("gpt-6.1-sol", "2 0.10 10", "1 5", "0.0024580"),
        ("gpt-6-sol", "2 0.20 10", "1 5", "0.0024580"),
        ("gpt-6.1-terra", "1 0.05 5", "0.5 2.5", "0.0012290"),
        ("gpt-5.4", "2.50 0.25 15", "1.25 7.5", "0.0030725"),
        ("gpt-4o-mini", "0.15 0.075 0.60", "0.075 0.30", "0.0038252"),
        ("gpt-5.6-sol", "4 0.40 20", "2 10", "0.0049160"),
        ("gpt-5.5", "5 0.50 30", "2.5 15", "0.0061450"),
        ("gpt-6-astra", "10 1 50", "5 25", "0.0122900"),
    ],
)
def test_list_prices_in_november_2026_and_what_one_image_of_a_megapixel_costs(
    model: str, amounts: str, batch: str, image: str
) -> None:
    price, factor = list_price(model, NOW), batch_factor(find_rule(model))
    assert price is not None
    assert factor is not None
    assert [price.input, price.cached_input, price.output] == [Decimal(amount) for amount in amounts.split()]
    assert price.source == "genai-prices as of 2026-11-22"
    reduced = price.scaled(factor)
    assert [reduced.input, reduced.output] == [Decimal(amount) for amount in batch.split()]
    cost = price.cost(Usage(count_image(model, "high", 1024, 1024).tokens, 0))
    assert str(cost.quantize(Decimal("0.0000001"), ROUND_HALF_UP)) == image


@pytest.mark.parametrize("model", ["gpt-4o-2024-08-06", "openai/gpt-4o", "relay/gpt-4o"])
def test_a_list_price_is_found_by_other_names_of_the_model(model: str) -> None:
    assert list_price(model, NOW) == list_price("gpt-4o", NOW) is not None


@pytest.mark.parametrize(
    ("model", "day", "before", "after"),
    [
        ("gpt-5.6-luna", date(2026, 7, 30), "1 0.10 6", "0.20 0.02 1.20"),
        ("gpt-5.6-terra", date(2026, 7, 30), "2.50 0.25 15", "2 0.20 12"),
        ("gpt-5.6-sol", date(2026, 8, 21), "5 0.50 30", "4 0.40 20"),
    ],
)
def test_a_price_is_that_of_the_day_in_utc(model: str, day: date, before: str, after: str) -> None:
    midnight = datetime.combine(day, time(), UTC)
    in_berlin = midnight.replace(tzinfo=timezone(timedelta(hours=2)))
    for moment, amounts in (
        (midnight - timedelta(microseconds=1), before),
        (in_berlin + timedelta(hours=1), before),
        (midnight, after),
        (in_berlin + timedelta(hours=2), after),
    ):
        price = list_price(model, moment)
        assert price is not None
        assert [price.input, price.cached_input, price.output] == [Decimal(amount) for amount in amounts.split()]
        assert price.source == f"genai-prices as of {moment.astimezone(UTC):%Y-%m-%d}"


def test_newer_models_charge_for_writing_the_cache() -> None:
    luna, mini = list_price("gpt-5.6-luna", NOW), list_price("gpt-4o-mini", NOW)
    assert luna is not None
    assert mini is not None
    assert (luna.cache_write, mini.cache_write) == (Decimal("0.25"), None)


def test_where_there_is_no_discount_cached_input_costs_what_input_costs() -> None:
    price = list_price("gpt-4o-2024-05-13", NOW)
    assert price is not None
    assert price.cached_input == price.input == 5


def test_a_relay_multiplies_every_amount() -> None:
    price = list_price("gpt-5.6-luna", NOW, Decimal("0.5"))
    assert price == Price(
        *map(Decimal, ("0.1", "0.01", "0.6")),
        "genai-prices as of 2026-11-22 x 0.5",
        Decimal("0.125"),
        long_from=272_000,
        long=Price(*map(Decimal, ("0.2", "0.02", "0.9")), "genai-prices as of 2026-11-22 x 0.5", Decimal("0.25")),
    )


def test_a_long_prompt_costs_what_its_step_says_and_many_short_ones_do_not() -> None:
    price = list_price("gpt-5.6-luna", NOW)
    assert price is not None
    assert price.charge(Usage(272_000, 0)) == price.cost(Usage(272_000, 0)) == Decimal("0.0544")
    assert price.charge(Usage(272_001, 1_000_000)) == Decimal("0.1088004") + Decimal("1.8")
    assert price.cost(Usage(544_000, 0)) == 2 * price.cost(Usage(272_000, 0))


amounts = st.tuples(*[st.integers(0, 10_000)] * 4)


def priced(base: tuple[int, ...], more: tuple[int, ...]) -> Price:
    """A price of so many cents, and of `more` cents beside them in long prompts."""
    made = [
        Price(*(Decimal(cents) / 100 for cents in each[:3]), "", Decimal(each[3]) / 100)
        for each in (base, tuple(map(sum, zip(base, more, strict=True))))
    ]
    return replace(made[0], long_from=272_000, long=made[1])


@given(amounts, amounts, amounts, amounts, st.tuples(*[st.integers(0, 200_000)] * 4), st.integers(0, 5_000))
def test_no_call_costs_more_than_the_most(
    now: tuple[int, ...], now_long: tuple[int, ...], later: tuple[int, ...], later_long: tuple[int, ...],
    tokens: tuple[int, int, int, int], written: int,
) -> None:  # fmt: skip
    """Whatever part of the input is cached or written to a cache, however much less it is, now or after a change."""
    prices = priced(now, now_long), priced(later, later_long)
    fresh, cached, cache_write, spare = tokens
    usage = Usage(fresh + cached + cache_write, written, 0, cached, cache_write)
    most = prices[0].or_higher(prices[1]).most(usage.input_tokens + spare, written)
    assert all(price.charge(usage) <= most for price in prices)


@pytest.mark.parametrize("model", ["nonsense", "local/tagger", "", "gpt-image-1"])
def test_a_price_that_is_not_known_is_none(model: str) -> None:
    assert list_price(model, NOW) is None


def test_an_image_costs_on_the_mini_twice_what_it_costs_on_gpt_4o() -> None:
    costs = []
    for model in ("gpt-4o", "gpt-4o-mini"):
        price = list_price(model, NOW)
        assert price is not None
        costs.append(price.cost(Usage(count_image(model, "high", 1024, 1024).tokens, 0)))
    assert costs == [Decimal("0.00191250"), Decimal("0.00382515")]


def test_cached_input_is_charged_as_such() -> None:
    assert MINI.cost(Usage(1_000_000, 0)) == Decimal("0.15")
    assert MINI.cost(Usage(1_000_000, 0, image_tokens=900_000, cached_tokens=400_000)) == Decimal("0.12")
    assert MINI.cost(Usage(0, 1_000_000)) == Decimal("0.60")


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        # A moderated image of a megapixel, of whose 2,000 tokens of text 1,536 were cached, by the list of the day.
        ("gpt-5.6-luna", Usage(3229, 60, image_tokens=1229, cached_tokens=1536), "0.00044132"),
        ("gpt-4o-mini", Usage(27501, 60, image_tokens=25501, cached_tokens=1536), "0.00404595"),
        ("gpt-6.1-terra", Usage(3229, 60, image_tokens=1229, cached_tokens=1536), "0.00206980"),
        ("gpt-5.6-luna", Usage(3229, 60, image_tokens=1229, cache_write_tokens=2000), "0.00081780"),
        # Fractions of a millionth of a dollar.
        ("gpt-4o-mini", Usage(7, 0), "0.00000105"),
        ("gpt-6-luna", Usage(1, 0, cached_tokens=1), "0.00000001"),
        ("gpt-5-nano", Usage(3, 0, cached_tokens=3), "0.00000002"),
    ],
)
def test_what_calls_cost_at_list_prices(model: str, usage: Usage, cost: str) -> None:
    price = list_price(model, NOW)
    assert price is not None
    assert f"{price.cost(usage):f}" == cost


def test_written_cache_is_charged_as_such() -> None:
    price = Price(Decimal(1), Decimal("0.1"), Decimal(6), "test", cache_write=Decimal("1.25"))
    assert price.cost(Usage(1_000_000, 0, cached_tokens=500_000, cache_write_tokens=100_000)) == Decimal("0.575")


def test_more_cached_than_input_is_no_negative_cost() -> None:
    assert MINI.cost(Usage(10, 0, cached_tokens=20)) == Decimal("0.0000015")


def test_a_charge_never_rounds_to_nothing() -> None:
    cheap = Price(Decimal("0.0001"), Decimal(0), Decimal(0), "test")
    assert cheap.cost(Usage(1, 0)) == Decimal("0.00000001")
    assert cheap.cost(Usage(0, 0)) == 0


def test_free_is_free() -> None:
    assert FREE.cost(Usage(10**9, 10**9, cached_tokens=5)) == 0


def test_scaling_is_exact_and_leaves_no_amount_out() -> None:
    price = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), "test", cache_write=Decimal("0.1875"))
    assert price.scaled(Decimal("0.5")) == Price(
        Decimal("0.075"), Decimal("0.0375"), Decimal("0.30"), "test x 0.5", Decimal("0.09375")
    )
    assert price.scaled(Decimal(0)).cost(Usage(10**9, 10**9, cached_tokens=5, cache_write_tokens=5)) == 0
    assert price.scaled(Decimal("1.0")) == price


tokens = st.integers(0, 10**9)


@given(tokens, tokens, tokens, tokens)
def test_the_cost_of_the_parts_is_within_a_rounding_of_the_whole(a: int, b: int, c: int, d: int) -> None:
    whole = MINI.cost(Usage(a + b, c + d))
    assert 0 <= MINI.cost(Usage(a, c)) + MINI.cost(Usage(b, d)) - whole <= Decimal("0.00000002")
    assert whole == whole.quantize(Decimal("0.00000001"))


def test_an_override() -> None:
    assert parse_price({"input": "0.15", "output": "0.60", "cached_input": "0.075"}) == Price(
        Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="providers.toml"
    )
    plain = parse_price({"input": "1", "output": "2"})
    assert (plain.cached_input, plain.cache_write) == (1, None)
    assert parse_price({"input": "1", "output": "2", "cache_write": "1.25"}).cache_write == Decimal("1.25")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"input": "1"}, "output is missing"),
        ({}, "input is missing"),
        ({"input": "1", "output": "2", "batch": "3"}, "'batch' is none of input, output, cached_input, cache_write"),
        ({"input": "-1", "output": "2"}, "price.input"),
        ({"input": "1", "output": "NaN"}, "price.output"),
        ({"input": "1", "output": "Infinity"}, "price.output"),
        ({"input": "a lot", "output": "2"}, "price.input"),
        ({"input": "1", "output": "2", "cache_write": "-1"}, "price.cache_write"),
        ({"input": 0.15, "output": "2"}, "as a string"),
        ({"input": None, "output": "2"}, "price.input"),
    ],
)
def test_an_override_that_cannot_be_read_says_why(override: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_price(override)


def test_what_its_maker_gives_away_costs_nothing_and_says_who_says_so() -> None:
    price = list_price("openai/omni-moderation-2024-09-26", NOW, Decimal(2))
    assert price is not None
    assert price.cost(Usage(10**6, 10**6)) == 0
    assert price.source == "https://developers.openai.com/api/docs/models/omni-moderation-latest, read 2026-11-26"
    assert free_price("gpt-4o") is None
