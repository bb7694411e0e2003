"""The arithmetic of one call."""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

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

    def scaled(self, factor: Decimal) -> "Price":
        """Every amount times a factor, exactly: a relay's discount, or half the price of a batch."""
        if factor == 1:
            return self
        return Price(
            input=self.input * factor,
            cached_input=self.cached_input * factor,
            output=self.output * factor,
            source=f"{self.source} x {factor}",
            cache_write=None if self.cache_write is None else self.cache_write * factor,
        )


FREE = Price(Decimal(0), Decimal(0), Decimal(0), source="free")
