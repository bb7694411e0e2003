"""List prices on any day, from the data inside the package genai-prices; it is never updated from the network."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from vision.prices.price import Price

HOUR = 3600


def list_price(model: str, at: datetime, factor: Decimal = Decimal(1)) -> Price | None:
    """The list price of a model, `provider/model` or snapshot at a time (with its zone), times a relay's factor.

    None if it has no list price, or one that `Price` cannot state (an image token price of its own). Prompts over a
    model's long-context threshold (272k tokens for gpt-5.6 and later) cost more than this; one image never gets there.
    """
    listed = _listed(model, at)
    if listed is None or not isinstance(listed.get("input_mtok"), Decimal) or "input_image_mtok" in listed:
        return None
    fresh = listed["input_mtok"]
    price = Price(
        input=fresh,
        cached_input=listed.get("cache_read_mtok", fresh),
        output=listed.get("output_mtok", Decimal(0)),
        source=f"genai-prices as of {at.astimezone(UTC):%Y-%m-%d}",
        cache_write=listed.get("cache_write_mtok"),
    )
    return price.scaled(factor)


@lru_cache(maxsize=4096)
def hourly_price(model: str, factor: Decimal, hour: int) -> Price | None:
    """The list price when the hour began, counted from 1970: lists change at midnight UTC, and looking takes 0.2 ms."""
    return list_price(model, datetime.fromtimestamp(hour * HOUR, UTC), factor)


def _listed(model: str, at: datetime) -> dict[str, Decimal] | None:
    """Prices of the lowest tier by the key that genai-prices gives them."""
    import genai_prices  # noqa: PLC0415 - half a second of price data that most of Tessera does without

    provider, _, name = model.strip().rpartition("/")
    for provider_id in (provider or None, None):
        try:
            found = genai_prices.calc_price(
                genai_prices.Usage(), name, provider_id=provider_id, genai_request_timestamp=at
            )
        except LookupError:
            continue
        prices = vars(found.model_price).items()
        return {key: getattr(value, "base", value) for key, value in prices if value is not None}
    return None
