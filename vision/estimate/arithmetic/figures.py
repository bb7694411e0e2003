"""Tokens, dollars and seconds of a row: extrapolated sums times a model's prices and limits."""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor

from vision.estimate.arithmetic.extrapolation import Extrapolation
from vision.prices import Price, Usage
from vision.provider.limits import Limit

SMALLEST = Decimal("0.00000001")
_MILLION = 1_000_000


@dataclass(frozen=True)
class Terms:
    """What applies to every call of a row: tokens of its text and answer, prices, the lane's limit.

    A price is None where it is not known; `limit` is None without a lane.
    """

    text_tokens: int
    output_tokens: int
    price: Price | None = None
    batch: Price | None = None
    flex: Price | None = None
    limit: Limit | None = None


@dataclass(frozen=True)
class Figures:
    """Totals of all items; dollars to eight places, 95 % intervals; None where exact or not known."""

    image_tokens: int
    text_tokens: int
    output_tokens: int
    interval: tuple[int, int] | None
    """The interval of `total_tokens`."""
    rejected: int
    too_large: int
    cost: Decimal | None
    cost_interval: tuple[Decimal, Decimal] | None
    batch_cost: Decimal | None
    flex_cost: Decimal | None
    cost_per_item: Decimal | None
    seconds: int | None

    @property
    def input_tokens(self) -> int:
        """Images and text."""
        return self.image_tokens + self.text_tokens

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens


def figures(found: Extrapolation, terms: Terms) -> Figures:
    """The row's figures. Prices apply to the sums; nothing is rounded item by item."""
    usage = usage_of(found, terms)
    cost = terms.price.cost(usage) if terms.price else None
    return Figures(
        image_tokens=usage.image_tokens,
        text_tokens=usage.input_tokens - usage.image_tokens,
        output_tokens=usage.output_tokens,
        interval=_tokens_interval(found, terms),
        rejected=found.rejected(),
        too_large=found.too_large(),
        cost=cost,
        cost_interval=_cost_interval(found, terms),
        batch_cost=terms.batch.cost(usage) if terms.batch else None,
        flex_cost=terms.flex.cost(usage) if terms.flex else None,
        cost_per_item=None if cost is None else (cost / found.total).quantize(SMALLEST),
        seconds=_seconds(found.items(), usage, terms),
    )


def usage_of(found: Extrapolation, terms: Terms) -> Usage:
    """Tokens of all calls together; items that are refused or too large get no call."""
    items, image_tokens = found.items(), found.image_tokens()
    return Usage(image_tokens + items * terms.text_tokens, items * terms.output_tokens, image_tokens)


def _tokens_interval(found: Extrapolation, terms: Terms) -> tuple[int, int] | None:
    interval = found.interval(1, terms.text_tokens + terms.output_tokens)
    return None if interval is None else (floor(interval[0]), ceil(interval[1]))


def _cost_interval(found: Extrapolation, terms: Terms) -> tuple[Decimal, Decimal] | None:
    if terms.price is None:
        return None
    fresh, answer = float(terms.price.input / _MILLION), float(terms.price.output / _MILLION)
    interval = found.interval(fresh, terms.text_tokens * fresh + terms.output_tokens * answer)
    if interval is None:
        return None
    low, high = (Decimal(dollars).quantize(SMALLEST) for dollars in interval)
    return low, high


def _seconds(calls: int, usage: Usage, terms: Terms) -> int | None:
    """Seconds of the calls at the lane's limit, without what comes before and after them."""
    return terms.limit.seconds(calls, usage.input_tokens + usage.output_tokens) if terms.limit else None
