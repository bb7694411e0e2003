"""What is booked for a call: what was told, unless that cannot be true."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.prices import Count, Price, Usage, book, credible

PRICE = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test")
COUNT = Count(text=1_000, images=8_500, certain=8_500, ceiling=500)


def test_an_honest_provider_is_booked_as_it_says() -> None:
    told = Usage(9_480, 60, 8_500)
    booked = book(told, COUNT, PRICE)
    assert (booked.usage, booked.counted, booked.excess) == (told, False, 0)
    assert booked.cost == PRICE.charge(told)
    assert booked.doubt == PRICE.charge(Usage(9_500, 60)) - booked.cost, "our own count of the text is a little higher"


@pytest.mark.parametrize(
    "told",
    [
        Usage(0, 0),
        Usage(10, 60),
        Usage(8_500, 60),
        Usage(9_000, 60, cached_tokens=9_001),
        Usage(9_000, 60, cached_tokens=5_000, cache_write_tokens=5_000),
        Usage(9_000, 60, image_tokens=9_001),
        Usage(9_000, 0),
    ],
)
def test_what_cannot_be_true_is_counted_by_us(told: Usage) -> None:
    booked = book(told, COUNT._replace(written=55), PRICE)
    assert booked.counted
    assert booked.usage == Usage(9_500, max(55, told.output_tokens), 8_500)
    assert (booked.cost, booked.doubt) == (PRICE.charge(booked.usage), 0)


def test_what_is_told_too_low_and_may_be_true_is_held_against_the_cap() -> None:
    booked = book(Usage(8_600, 10), COUNT._replace(written=55), PRICE)
    assert not booked.counted
    assert booked.cost + booked.doubt == PRICE.charge(Usage(9_500, 55))


def test_more_than_the_rule_says_is_told_apart() -> None:
    booked = book(Usage(12_000, 700), COUNT, PRICE)
    assert (booked.counted, booked.doubt) == (False, 0)
    assert booked.excess == PRICE.charge(Usage(12_000, 700)) - PRICE.charge(Usage(9_500, 500))


def test_text_read_from_a_cache_is_cheaper_and_images_are_not() -> None:
    honest = book(Usage(9_500, 60, cached_tokens=900), COUNT, PRICE)
    assert (honest.counted, honest.doubt, honest.excess) == (False, 0, 0)
    lying = book(Usage(9_500, 60, cached_tokens=9_500), COUNT, PRICE)
    assert lying.cost + lying.doubt == PRICE.charge(Usage(9_500, 60, cached_tokens=1_000))


def test_what_a_total_tells_beyond_its_parts_was_written() -> None:
    assert book(Usage(9_480, 60, 8_500, total_tokens=9_540), COUNT, PRICE).usage == Usage(9_480, 60, 8_500)
    assert book(Usage(9_480, 60, 8_500, total_tokens=9_840), COUNT, PRICE).usage == Usage(9_480, 360, 8_500)
    assert book(Usage(0, 60, total_tokens=9_800), COUNT, PRICE).usage == Usage(9_500, 300, 8_500)


def test_without_a_price_tokens_are_booked_all_the_same() -> None:
    assert book(Usage(0, 0), COUNT, None).usage.input_tokens == 9_500
    assert book(Usage(9_500, 60), COUNT, None).cost == 0


tokens = st.integers(0, 50_000)


@given(
    st.builds(Usage, tokens, tokens, tokens, tokens, tokens), st.builds(Count, tokens, tokens, tokens, tokens, tokens)
)
def test_the_cap_is_charged_no_less_than_was_told_or_counted(told: Usage, count: Count) -> None:
    booked = book(told, count, PRICE)
    against_the_cap = booked.cost + booked.doubt
    assert against_the_cap >= booked.cost >= (PRICE.charge(told) if credible(told, count) else 0)
    certain = Usage(count.images + count.text, count.written, cached_tokens=min(told.cached_tokens, count.text))
    assert against_the_cap >= PRICE.charge(certain)
