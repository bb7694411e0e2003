"""Prices that a user sets in providers.toml."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from vision.errors import ConfigurationError
from vision.prices.price import Price

NEEDED = ("input", "output")
AMOUNTS = (*NEEDED, "cached_input", "cache_write")


def parse_price(own: Mapping[str, object]) -> Price:
    """Dollars per million tokens as strings: {"input", "output"} and maybe "cached_input" and "cache_write".

    Cached and written input cost what input costs unless given. ConfigurationError says what is wrong.
    """
    if unknown := sorted(set(own) - set(AMOUNTS)):
        raise ConfigurationError(f"price: {unknown[0]!r} is none of {', '.join(AMOUNTS)}.")
    if missing := set(NEEDED) - set(own):
        raise ConfigurationError(f"price: {min(missing)} is missing; give dollars per million tokens.")
    amounts = {key: _amount(key, value) for key, value in own.items()}
    return Price(
        input=amounts["input"],
        cached_input=amounts.get("cached_input", amounts["input"]),
        output=amounts["output"],
        source="providers.toml",
        cache_write=amounts.get("cache_write"),
    )


def _amount(key: str, value: object) -> Decimal:
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount < 0:
        raise ConfigurationError(
            f'price.{key} = {value!r} is not an amount. Give dollars per million tokens as a string, as "0.15".'
        )
    return amount
