"""Numbers for people."""

import pytest

from cli.tables.figures import count, duration, items, money, percent, rate, rounded_money, short


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "$0.00"), ("5", "$5.00"), ("0.000870", "$0.00087"), ("1234.5", "$1,234.50"), ("0.00000001", "$0.00000001")],
)
def test_money(amount: str, text: str) -> None:
    assert money(amount) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("1234.5678", "$1,234.57"),
        ("0.99999", "$1.00"),
        ("0.123456", "$0.123"),
        ("0.0012345", "$0.00123"),
        ("0.00000001", "$0.00000001"),
    ],
)
def test_money_to_be_compared(amount: str, text: str) -> None:
    assert rounded_money(amount) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(0, "0 %"), (0.0001, "under 0.1 %"), (0.0123, "1.2 %"), (-0.05, "5 %"), (0.456, "46 %"), (1.5, "150 %")],
)
def test_percent(part: float, text: str) -> None:
    assert percent(part) == text


def test_other_money() -> None:
    assert money("1.5", "EUR") == "EUR 1.50"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (75, "1m 15s"), (3600, "1h"), (90_061, "1d 1h"), (59.6, "1m")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1200, "1,200"),
        (-9_999, "-9,999"),
        (200_000, "200k"),
        (1_234_567, "1.23M"),
        (-2_000_000, "-2M"),
        (3 * 10**9, "3G"),
    ],
)
def test_short(number: int, text: str) -> None:
    assert short(number) == text


def test_counts_and_rates() -> None:
    assert (items(1), items(0), items(1234)) == ("1 item", "0 items", "1,234 items")
    assert (count(1234567.8), rate(3.14159), rate(1234.5)) == ("1,234,568", "3.1", "1,234")
