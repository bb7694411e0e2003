"""Prices, and the cost of calls."""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

MILLION = Decimal(1_000_000)
SMALLEST = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `input_tokens` are all of the input: image, cached and written ones are part of them.

    `total_tokens`: as reported, which may be more than input and output; 0 if not reported.
    """

    input_tokens: int
    output_tokens: int
    image_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    total_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens; images are input. `cache_write` is None where writing costs what input costs."""

    input: Decimal
    cached_input: Decimal
    output: Decimal
    source: str
    cache_write: Decimal | None = None
    long_from: int | None = None
    """Calls with more input tokens than this cost the price `long` for all of their tokens."""
    long: "Price | None" = None

    def cost(self, usage: Usage) -> Decimal:
        """Dollars to eight places, rounded up, so that no charge reads as zero. Also for the sum of many calls."""
        write = self.input if self.cache_write is None else self.cache_write
        fresh = max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens)
        total = (
            fresh * self.input
            + usage.cached_tokens * self.cached_input
            + usage.cache_write_tokens * write
            + usage.output_tokens * self.output
        )
        return (total / MILLION).quantize(SMALLEST, ROUND_UP)

    def charge(self, usage: Usage) -> Decimal:
        """The cost of one call, by the price for its length."""
        if self.long and self.long_from is not None and usage.input_tokens > self.long_from:
            return self.long.cost(usage)
        return self.cost(usage)

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
            long_from=self.long_from,
            long=self.long and self.long.scaled(factor),
        )

    def most(self, input_tokens: int, output_tokens: int) -> Decimal:
        """The highest cost of a call of so many tokens: its input may be new, read from a cache, or written to one."""
        rates = (self,) if self.long is None else (self, self.long)
        most = self.charge(Usage(input_tokens, output_tokens))
        if any(rate.cached_input > rate.input for rate in rates):
            most = max(most, self.charge(Usage(input_tokens, output_tokens, 0, input_tokens)))
        if any(rate.cache_write is not None for rate in rates):
            most = max(most, self.charge(Usage(input_tokens, output_tokens, 0, 0, input_tokens)))
        return most

    def or_higher(self, other: "Price") -> "Price":
        """A price that is no lower than either of the two, for any call."""
        if self == other:
            return self
        starts = [price.long_from for price in (self, other) if price.long_from is not None]
        return Price(
            input=max(self.input, other.input),
            cached_input=max(self.cached_input, other.cached_input),
            output=max(self.output, other.output),
            source=self.source,
            cache_write=max(self.cache_write or self.input, other.cache_write or other.input),
            long_from=min(starts, default=None),
            long=(self.long or self).or_higher(other.long or other) if starts else None,
        )


FREE = Price(Decimal(0), Decimal(0), Decimal(0), source="free")
