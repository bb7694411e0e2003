"""Estimates as callers see them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from vision.estimate.arithmetic import CONFIDENCE
from vision.estimate.estimator import Estimate
from vision.estimate.rows import Row
from vision.jobs.money import money
from vision.prices import Price


def estimate(found: Estimate) -> dict[str, Any]:
    """The estimate object."""
    return {
        "object": "estimate",
        "preset": found.preset,
        "fit": found.fit.kind,
        "max_side": found.fit.max_side,
        "items": {
            "total": found.items.total,
            "sized": found.items.sized,
            "measured": found.items.measured,
            "sampled": found.items.sampled,
            "unreadable": found.items.unreadable,
        },
        "exact": found.exact,
        "confidence": None if found.exact else CONFIDENCE,
        "currency": "USD",
        "data": [_row(row) for row in found.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    lane, figures = row.offer.lane, row.figures
    return {
        "object": "estimate.row",
        "model": row.offer.model,
        "provider": lane.provider.name if lane else None,
        "lane": lane.name if lane else None,
        "configured": lane is not None,
        "detail": row.detail,
        "image_rule": row.rule.name,
        "confirmed": row.rule.confirmed,
        "tokens": {
            "input": figures.input_tokens,
            "image": figures.image_tokens,
            "text": figures.text_tokens,
            "output": figures.output_tokens,
            "total": figures.total_tokens,
            "interval": list(figures.interval) if figures.interval else None,
        },
        "rejected_items": figures.rejected,
        "too_large_items": figures.too_large,
        "cost": _cost(row),
        "seconds": figures.seconds,
        "output_source": "observed" if row.learned else "preset",
        "fits": _fits(row.fits),
        "shutdown_date": row.shutdown.isoformat() if row.shutdown else None,
    }


def _cost(row: Row) -> dict[str, Any]:
    figures = row.figures
    interval = figures.cost_interval
    return {
        "estimated": _dollars(figures.cost),
        "interval": [money(dollars) for dollars in interval] if interval else None,
        "batch": _dollars(figures.batch_cost),
        "flex": _dollars(figures.flex_cost),
        "per_item": _dollars(figures.cost_per_item),
        "price": _price(row.terms.price) if row.terms.price else None,
    }


def _price(price: Price) -> dict[str, str]:
    """In dollars per million tokens."""
    amounts = {"input": price.input, "cached_input": price.cached_input, "output": price.output}
    return {name: f"{amount:f}" for name, amount in amounts.items()} | {"source": price.source}


def _fits(fits: Mapping[str, tuple[int, Decimal | None]]) -> dict[str, dict[str, Any]]:
    return {kind: {"image_tokens": tokens, "cost": _dollars(cost)} for kind, (tokens, cost) in fits.items()}


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else money(amount)
