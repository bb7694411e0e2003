"""An estimate as a table for people: a row for each model and detail, cheapest first, and a line about it all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.table import Table

from cli.figures import count, duration, items, percent, rounded_money, short

Estimate = Mapping[str, Any]
Row = Mapping[str, Any]
NOTHING = "-"
ALWAYS = frozenset({"image tokens", "all tokens", "cost"})
"""Columns that stay when they are empty."""


def table(estimate: Estimate) -> Table:
    """The rows in the service's order; columns that no row has anything for are left out."""
    data: Sequence[Row] = estimate["data"]
    columns = _columns(data, short if not estimate["exact"] else count)
    rows = Table(box=None, header_style="bold", pad_edge=False)
    rows.add_column("model", overflow="fold")
    rows.add_column("detail", no_wrap=True)
    for name in columns:
        rows.add_column(name, justify="right", no_wrap=True)
    rows.add_column("", overflow="fold")
    for row, *cells in zip(data, *columns.values(), strict=True):
        rows.add_row(row["lane"] or row["model"], row["detail"], *cells, ", ".join(_notes(row)))
    return rows


def _columns(data: Sequence[Row], number: Callable[[int], str]) -> dict[str, list[str]]:
    """Header → a cell for each row."""
    columns = {
        "image tokens": [number(row["tokens"]["image"]) for row in data],
        "all tokens": [number(row["tokens"]["total"]) for row in data],
        "cost": [_money(row["cost"]["estimated"]) for row in data],
        "by batch": [_money(row["cost"]["batch"]) for row in data],
        "time": [NOTHING if row["seconds"] is None else duration(row["seconds"]) for row in data],
        "snap saves": [_saving(row, "snap") for row in data],
        "max saves": [_saving(row, "max") for row in data],
    }
    return {name: cells for name, cells in columns.items() if name in ALWAYS or set(cells) - {NOTHING}}


def _money(amount: str | None) -> str:
    return NOTHING if amount is None else rounded_money(amount)


def _saving(row: Row, kind: str) -> str:
    """How much less it takes if images are shrunk so: of the cost, or where there is no price of the image tokens."""
    fits = row["fits"]
    if kind not in fits:
        return NOTHING
    what = "image_tokens" if fits["none"]["cost"] is None else "cost"
    whole, fitted = (Decimal(fits[each][what]) for each in ("none", kind))
    return percent(float(1 - fitted / whole)) if fitted < whole else NOTHING


def _notes(row: Row) -> Iterator[str]:
    if not row["configured"]:
        yield "not configured here"
    if row["cost"]["price"] is None:
        yield "no price known"
    if not row["confirmed"]:
        yield "rule not confirmed"
    if row["rejected_items"]:
        yield f"{count(row['rejected_items'])} would be refused"
    if row["too_large_items"]:
        yield f"{count(row['too_large_items'])} larger than the limit"
    if row["shutdown_date"]:
        yield f"shuts down {row['shutdown_date']}"


def summary(estimate: Estimate) -> str:
    """How many items, and how exact the figures are."""
    seen = estimate["items"]
    told = [items(seen["total"]), _exactness(estimate)]
    if seen["unreadable"]:
        told.append(f"{count(seen['unreadable'])} of the sample could not be read")
    return ", ".join(told) + "."


def _exactness(estimate: Estimate) -> str:
    if estimate["exact"]:
        return "image tokens exact"
    spread = max(map(_spread, estimate["data"]), default=0.0)
    sample, sure = count(estimate["items"]["sampled"]), percent(float(estimate["confidence"] or 0.95))
    return f"± {percent(spread)} from a sample of {sample} ({sure} sure)"


def _spread(row: Row) -> float:
    """Half the width of the interval of all tokens, as a part of them."""
    tokens = row["tokens"]
    low, high = tokens["interval"] or (tokens["total"], tokens["total"])
    return (high - low) / 2 / tokens["total"] if tokens["total"] else 0.0
