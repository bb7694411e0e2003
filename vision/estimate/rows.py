"""The rows of an estimate: one for each model and detail, with prices, limits and the length of earlier answers."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from vision.estimate.arithmetic import Extrapolation, Figures, Terms, Way, figures, usage_of
from vision.estimate.offers import Offer
from vision.intake.expected import expected
from vision.intake.order import Order
from vision.presets import Preset
from vision.prices import PriceSchedule, batch_factor, flex_factor
from vision.provider.catalogue.shutdowns import shutdown_date
from vision.storage.outcomes import earlier_answers
from vision.tokens import NO_FIT, Fit, Rule, get_rule


@dataclass(frozen=True)
class PlannedRow:
    """A row before its items are counted; `max_image_tokens` of one call (None: no limit)."""

    offer: Offer
    detail: str
    terms: Terms
    max_image_tokens: int | None
    learned: bool

    def way(self, fit: Fit) -> Way:
        """How to count its items."""
        return Way(self.offer.rule, self.detail, fit, self.max_image_tokens)


@dataclass(frozen=True)
class Row:
    """A model at a detail: figures with the order's fit; image tokens and cost with each fit."""

    offer: Offer
    detail: str
    rule: Rule
    terms: Terms
    figures: Figures
    fits: dict[str, tuple[int, Decimal | None]]
    exact: bool
    learned: bool
    """Whether the length of answers is known from earlier ones."""
    shutdown: date | None


async def plan_rows(
    connection: AsyncConnection, tenant: str, order: Order, preset: Preset, offers: Iterable[Offer], text_tokens: int
) -> list[PlannedRow]:
    """A row for each detail of each offer; `text_tokens` of a call by our own count."""
    found = []
    for offer in offers:
        observed = await _observed(connection, tenant, offer, preset, order)
        call = expected(preset, text_tokens, observed)
        terms = _terms(offer, call.text_tokens, call.output_tokens)
        max_image_tokens = (
            None if terms.limit is None else terms.limit.largest_call - call.text_tokens - preset.max_output_tokens
        )
        found += [PlannedRow(offer, detail, terms, max_image_tokens, observed is not None) for detail in offer.details]
    return found


async def _observed(
    connection: AsyncConnection, tenant: str, offer: Offer, preset: Preset, order: Order
) -> earlier_answers.Observed | None:
    if offer.lane is None:
        return None
    return await earlier_answers.observed(connection, tenant, preset.fingerprint, offer.lane.name, order.language)


def compared(fit: Fit) -> list[Fit]:
    """The fits that each row compares."""
    return [NO_FIT, Fit("snap"), *([fit] if fit.kind == "max" else [])]


def rows(planned: Iterable[PlannedRow], fit: Fit, found: Callable[[Way], Extrapolation]) -> list[Row]:
    """Rows by cost, then by tokens; those without a price come last."""
    return sorted((_row(row, fit, found) for row in planned), key=_rank)


def _terms(offer: Offer, text_tokens: int, output_tokens: int) -> Terms:
    lane = offer.lane
    if lane:
        prices = lane.price, lane.batch_price, lane.flex_price
        return Terms(text_tokens, output_tokens, *prices, lane.limit)
    price_schedule = PriceSchedule(
        offer.model, batch_factor=batch_factor(offer.rule), flex_factor=flex_factor(offer.rule)
    )
    return Terms(text_tokens, output_tokens, price_schedule.now(), price_schedule.batch(), price_schedule.flex())


def _row(row: PlannedRow, fit: Fit, found: Callable[[Way], Extrapolation]) -> Row:
    chosen = found(row.way(fit))
    return Row(
        offer=row.offer,
        detail=row.detail,
        rule=get_rule(row.offer.rule),
        terms=row.terms,
        figures=figures(chosen, row.terms),
        fits=dict(_fits(row, fit, found)),
        exact=chosen.exact,
        learned=row.learned,
        shutdown=shutdown_date(row.offer.model),
    )


def _fits(
    row: PlannedRow, fit: Fit, found: Callable[[Way], Extrapolation]
) -> Iterator[tuple[str, tuple[int, Decimal | None]]]:
    for each in compared(fit):
        usage, price = usage_of(found(row.way(each)), row.terms), row.terms.price
        yield each.kind, (usage.image_tokens, price.cost(usage) if price else None)


def _rank(row: Row) -> tuple[bool, Decimal, int]:
    return row.figures.cost is None, row.figures.cost or Decimal(0), row.figures.total_tokens
