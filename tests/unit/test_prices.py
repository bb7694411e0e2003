"""Prices as of a date, and what a call costs."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import ConfigurationError
from vision.prices import FREE, Price, Usage, list_price, parse_price
from vision.tokens import count_image

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MINI = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test")


@pytest.mark.parametrize(
    ("model", "amounts"),
    [
        ("gpt-4o", "2.5 1.25 10"),
        ("gpt-4o-2024-08-06", "2.5 1.25 10"),
        ("gpt-4o-mini", "0.15 0.075 0.6"),
        ("openai/gpt-4.1-mini", "0.4 0.1 1.6"),
        ("relay/gpt-5-nano", "0.05 0.005 0.4"),
        ("gpt-5.6-luna", "0.2 0.02 1.2"),
        ("gpt-6-luna", "0.1 0.01 0.5"),
        ("gpt-6-astra", "10 1 50"),
    ],
)
def test_list_prices(model: str, amounts: str) -> None:
    price = list_price(model, NOW)
    assert price is not None
    assert [price.input, price.cached_input, price.output] == [Decimal(amount) for amount in amounts.split()]
    assert price.source == "genai-prices as of 2026-11-20"


def test_a_price_is_that_of_the_day() -> None:
    before, after = (list_price("gpt-5.6-luna", datetime(2026, 7, day, 12, tzinfo=UTC)) for day in (28, 31))
    assert before is not None
    assert after is not None
    assert (before.input, after.input) == (Decimal(1), Decimal("0.2"))


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
        Decimal("0.1"), Decimal("0.01"), Decimal("0.6"), "genai-prices as of 2026-11-20 x 0.5", Decimal("0.125")
    )


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
    assert parse_price({"input": "1", "output": "2"}).cached_input == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"input": "1"}, "output is missing"),
        ({}, "input is missing"),
        ({"input": "1", "output": "2", "batch": "3"}, "'batch' is none of"),
        ({"input": "-1", "output": "2"}, "price.input"),
        ({"input": "1", "output": "NaN"}, "price.output"),
        ({"input": "1", "output": "Infinity"}, "price.output"),
        ({"input": "a lot", "output": "2"}, "price.input"),
        ({"input": 0.15, "output": "2"}, "as a string"),
        ({"input": None, "output": "2"}, "price.input"),
    ],
)
def test_an_override_that_cannot_be_read_says_why(override: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_price(override)
