"""List prices on any day, from the data inside the package genai-prices; it is never updated from the network."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from vision.prices.free import free_price
from vision.prices.price import Price

HOUR = 3600
AMOUNTS = frozenset({"input_mtok", "cache_read_mtok", "output_mtok", "cache_write_mtok"})


def list_price(model: str, at: datetime, factor: Decimal = Decimal(1)) -> Price | None:
    """The list price of a model, `provider/model` or snapshot at a time (with its zone), times a relay's factor.

    None if it has no list price, or one that `Price` cannot state (an image token price of its own, or three steps by
    the length of the prompt). The step of long prompts (272k tokens for gpt-5.6 and later) takes many images to reach.
    """
    if free := free_price(model):
        return free
    listed = _listed(model, at)
    if listed is None or "input_mtok" not in listed or "input_image_mtok" in listed:
        return None
    source = f"genai-prices as of {at.astimezone(UTC):%Y-%m-%d}"
    steps = sorted({tier.start for amount in listed.values() for tier in getattr(amount, "tiers", ())})
    if len(steps) > 1:
        return None
    price = _price(listed, source, None)
    if steps:
        price = replace(price, long_from=steps[0], long=_price(listed, source, steps[0]))
    return price.scaled(factor)


def _price(listed: Mapping[str, Any], source: str, step: int | None) -> Price:
    """The price of prompts beyond the step; None: up to it."""
    amounts = {name: _amount(amount, step) for name, amount in listed.items() if name in AMOUNTS}
    fresh = amounts["input_mtok"]
    return Price(
        input=fresh,
        cached_input=amounts.get("cache_read_mtok", fresh),
        output=amounts.get("output_mtok", Decimal(0)),
        source=source,
        cache_write=amounts.get("cache_write_mtok"),
    )


def _amount(listed: Any, step: int | None) -> Decimal:
    base: Decimal = getattr(listed, "base", listed)
    return next((tier.price for tier in getattr(listed, "tiers", ()) if tier.start == step), base)


@lru_cache(maxsize=4096)
def hourly_price(model: str, factor: Decimal, hour: int) -> Price | None:
    """The list price when the hour began, counted from 1970: lists change at midnight UTC, and looking takes 0.2 ms."""
    return list_price(model, datetime.fromtimestamp(hour * HOUR, UTC), factor)


def _listed(model: str, at: datetime) -> dict[str, Any] | None:
    """Prices by the key that genai-prices gives them: amounts, or steps of amounts."""
    import genai_prices  # noqa: PLC0415 - half a second of price data that most of Tessera does without

    provider, _, name = model.strip().rpartition("/")
    for provider_id in (provider or None, None):
        try:
            found = genai_prices.calc_price(
                genai_prices.Usage(), name, provider_id=provider_id, genai_request_timestamp=at
            )
        except LookupError:
            continue
        return {key: value for key, value in vars(found.model_price).items() if value is not None}
    return None
