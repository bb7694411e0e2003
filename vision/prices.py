"""What a call costs: list prices as of a date, overrides, and the arithmetic, in `Decimal` US dollars.

List prices come from the data inside the package genai-prices; its updates from the network are never started.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import Any

from vision.errors import ConfigurationError

MILLION = Decimal(1_000_000)
SMALLEST = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `input_tokens` are all of the input: image, cached and written ones are part of them."""

    input_tokens: int
    output_tokens: int
    image_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens; images are input. `cache_write` is None where writing costs what input costs."""

    input: Decimal
    cached_input: Decimal
    output: Decimal
    source: str
    cache_write: Decimal | None = None

    def cost(self, usage: Usage) -> Decimal:
        """Dollars to eight places, rounded up: what is charged for never reads as zero."""
        write = self.input if self.cache_write is None else self.cache_write
        fresh = max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens)
        total = (
            fresh * self.input
            + usage.cached_tokens * self.cached_input
            + usage.cache_write_tokens * write
            + usage.output_tokens * self.output
        )
        return (total / MILLION).quantize(SMALLEST, ROUND_UP)


FREE = Price(Decimal(0), Decimal(0), Decimal(0), source="free")


def list_price(model: str, at: datetime, factor: Decimal = Decimal(1)) -> Price | None:
    """The list price of a model, `provider/model` or snapshot at a time (with its zone), times a relay's factor.

    None if it has no list price, or one that `Price` cannot state (an image token price of its own). Prompts over a
    model's long-context threshold (272k tokens for gpt-5.6 and later) cost more than this; one image never gets there.
    """
    listed = _listed(model, at)
    if listed is None or not isinstance(listed.get("input_mtok"), Decimal) or "input_image_mtok" in listed:
        return None
    fresh, write = listed["input_mtok"], listed.get("cache_write_mtok")
    return Price(
        input=fresh * factor,
        cached_input=listed.get("cache_read_mtok", fresh) * factor,
        output=listed.get("output_mtok", Decimal(0)) * factor,
        source=f"genai-prices as of {at:%Y-%m-%d}" + ("" if factor == 1 else f" x {factor}"),
        cache_write=None if write is None else write * factor,
    )


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


def parse_price(override: Mapping[str, Any]) -> Price:
    """A price of the user's own: dollars per million as strings, {"input", "output"} and maybe "cached_input".

    ConfigurationError that says what is wrong.
    """
    if unknown := sorted(set(override) - {"input", "output", "cached_input"}):
        raise ConfigurationError(f"price: {unknown[0]!r} is none of input, output, cached_input.")
    if missing := {"input", "output"} - set(override):
        raise ConfigurationError(f"price: {min(missing)} is missing; give dollars per million tokens.")
    amounts = {key: _amount(key, value) for key, value in override.items()}
    cached = amounts.get("cached_input", amounts["input"])
    return Price(amounts["input"], cached, amounts["output"], source="providers.toml")


def _amount(key: str, value: Any) -> Decimal:
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount < 0:
        raise ConfigurationError(
            f'price.{key} = {value!r} is not an amount. Give dollars per million tokens as a string, as "0.15".'
        )
    return amount
