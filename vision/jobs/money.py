"""Dollars as text."""

from decimal import Decimal

CENTS = 2


def money(amount: Decimal) -> str:
    """`0.00087`, `5.00`, `0`: no exponent, no trailing zeros beyond cents."""
    if not amount:
        return "0"
    whole, _, fraction = f"{amount:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(CENTS, '0')}"
