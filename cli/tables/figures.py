"""Formats numbers for people."""

from decimal import Decimal

SYMBOLS = {"USD": "$"}


def money(amount: str | Decimal, currency: str = "USD") -> str:
    """`0.000870` → `$0.00087`; at least cents, at most eight places, never rounded to nothing."""
    value = Decimal(amount)
    text = f"{value:,.8f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{SYMBOLS.get(currency, currency + ' ')}{whole}.{fraction:0<2}"


def rounded_money(amount: str | Decimal, currency: str = "USD") -> str:
    """To the cent, below a dollar to three digits: `1234.5678` → `$1,234.57`, `0.0012345` → `$0.00123`."""
    value = Decimal(amount)
    places = max(2, -value.adjusted() + 2) if 0 < abs(value) < 1 else 2
    return money(round(value, places), currency)


def percent(part: float) -> str:
    """`0.0123` → `1.2 %`; one decimal below ten, and never rounded to nothing."""
    value = 100 * abs(part)
    if 0 < value < 0.05:
        return "under 0.1 %"
    return f"{value:.1f} %".replace(".0 %", " %") if value < 10 else f"{value:.0f} %"


def count(number: float) -> str:
    """`1234567` → `1,234,567`."""
    return f"{number:,.0f}"


def items(number: int) -> str:
    """`1 item`, `1,000 items`."""
    return f"{count(number)} item{'' if number == 1 else 's'}"


def short(number: int) -> str:
    """Three digits and a letter above 10,000: `200_000` → `200k`, `1_234_567` → `1.23M`."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if abs(number) >= max(size, 10_000):
            return f"{number / size:.3g}{letter}"
    return count(number)


def rate(number: float) -> str:
    """Per-second rates: one decimal below 100, none above."""
    return f"{number:,.1f}" if number < 100 else f"{number:,.0f}"


def duration(seconds: float) -> str:
    """`75` → `1m 15s`; the two largest units."""
    rest = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        amount, rest = divmod(rest, size)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount}{unit}")
    return " ".join(parts[:2])
