"""Estimates on the wire."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from vision import estimate
from vision.estimate.arithmetic import CONFIDENCE
from vision.estimate.arithmetic.figures import Figures
from vision.estimate.estimator import ItemCounts
from vision.estimate.rows import Row
from vision.jobs.money import money
from vision.prices import Price


class EstimatedTokens(BaseModel):
    """Of all items; `interval` is that of the total, null where it is exact."""

    input: int
    image: int
    text: int
    output: int
    total: int
    interval: list[int] | None


class EstimatedPrice(BaseModel):
    """Dollars per million tokens."""

    input: str
    cached_input: str
    output: str
    source: str


class EstimatedCost(BaseModel):
    """Dollars; null where the model has no price."""

    estimated: str | None
    interval: list[str] | None
    batch: str | None
    flex: str | None
    per_item: str | None
    price: EstimatedPrice | None


class FitCost(BaseModel):
    """What the images take with one way to shrink them."""

    image_tokens: int
    cost: str | None


class EstimateRow(BaseModel):
    """One model at one level of detail."""

    object: Literal["estimate.row"] = "estimate.row"
    model: str
    provider: str | None
    lane: str | None
    configured: bool
    detail: str
    image_rule: str
    confirmed: bool
    tokens: EstimatedTokens
    rejected_items: int
    too_large_items: int
    cost: EstimatedCost
    seconds: int | None
    output_source: Literal["observed", "preset"]
    fits: dict[str, FitCost]
    shutdown_date: str | None


class Estimate(BaseModel):
    """What a job would take, cheapest first."""

    object: Literal["estimate"] = "estimate"
    preset: str | None
    fit: str
    max_side: int | None
    items: ItemCounts
    exact: bool
    confidence: float | None
    currency: Literal["USD"] = "USD"
    data: list[EstimateRow]


def view(found: estimate.Estimate) -> Estimate:
    """The estimate object."""
    return Estimate(
        preset=found.preset,
        fit=found.fit.kind,
        max_side=found.fit.max_side,
        items=found.items,
        exact=found.exact,
        confidence=None if found.exact else CONFIDENCE,
        data=[_row(row) for row in found.rows],
    )


def _row(row: Row) -> EstimateRow:
    lane, figures = row.offer.lane, row.figures
    return EstimateRow(
        model=row.offer.model,
        provider=lane.provider.name if lane else None,
        lane=lane.name if lane else None,
        configured=lane is not None,
        detail=row.detail,
        image_rule=row.rule.name,
        confirmed=row.rule.confirmed,
        tokens=_tokens(figures),
        rejected_items=figures.rejected,
        too_large_items=figures.too_large,
        cost=_cost(figures, row.terms.price),
        seconds=figures.seconds,
        output_source="observed" if row.learned else "preset",
        fits=_fits(row.fits),
        shutdown_date=row.shutdown.isoformat() if row.shutdown else None,
    )


def _tokens(figures: Figures) -> EstimatedTokens:
    return EstimatedTokens(
        input=figures.input_tokens,
        image=figures.image_tokens,
        text=figures.text_tokens,
        output=figures.output_tokens,
        total=figures.total_tokens,
        interval=list(figures.interval) if figures.interval else None,
    )


def _cost(figures: Figures, price: Price | None) -> EstimatedCost:
    interval = figures.cost_interval
    return EstimatedCost(
        estimated=_dollars(figures.cost),
        interval=[money(dollars) for dollars in interval] if interval else None,
        batch=_dollars(figures.batch_cost),
        flex=_dollars(figures.flex_cost),
        per_item=_dollars(figures.cost_per_item),
        price=price and _price(price),
    )


def _price(price: Price) -> EstimatedPrice:
    return EstimatedPrice(
        input=f"{price.input:f}",
        cached_input=f"{price.cached_input:f}",
        output=f"{price.output:f}",
        source=price.source,
    )


def _fits(fits: Mapping[str, tuple[int, Decimal | None]]) -> dict[str, FitCost]:
    return {kind: FitCost(image_tokens=tokens, cost=_dollars(cost)) for kind, (tokens, cost) in fits.items()}


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else money(amount)
