"""An estimate as a table: a row for each model and detail, cheapest first; notes; and a summary."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.table import Table

from cli.tables import terminal
from cli.tables.figures import count, duration, items, percent, rounded_money, short

Estimate = Mapping[str, Any]
Row = Mapping[str, Any]
NOTHING = "-"
ALWAYS = frozenset({"image\ntokens", "all\ntokens", "cost"})
"""Columns that stay when they are empty."""


def table(estimate: Estimate, width: int) -> Table:
    """The rows in the service's order. Numbers of tokens are written out if they are exact and the table fits."""
    written_out = _table(estimate, count)
    return written_out if estimate["exact"] and terminal.width(written_out) <= width else _table(estimate, short)


def _table(estimate: Estimate, number: Callable[[int], str]) -> Table:
    """The table without empty columns."""
    data: Sequence[Row] = estimate["data"]
    columns = _columns(data, number)
    rows = Table(box=None, header_style="bold", pad_edge=False)
    rows.add_column("model", no_wrap=True)
    rows.add_column("detail", no_wrap=True)
    for name in columns:
        rows.add_column(name, justify="right", no_wrap=True)
    for row, model, *cells in zip(data, _models(data), *columns.values(), strict=True):
        rows.add_row(model, row["detail"], *cells)
    return rows


def _models(data: Sequence[Row]) -> list[str]:
    """Names of the models, with their providers where there are several."""
    one = len({row["provider"] for row in data if row["provider"]}) <= 1
    return [row["model"] if one else row["lane"] or row["model"] for row in data]


def _columns(data: Sequence[Row], number: Callable[[int], str]) -> dict[str, list[str]]:
    """Header → a cell for each row."""
    columns = {
        "image\ntokens": [number(row["tokens"]["image"]) for row in data],
        "all\ntokens": [number(row["tokens"]["total"]) for row in data],
        "cost": [_money(row["cost"]["estimated"]) for row in data],
        "by\nbatch": [_money(row["cost"]["batch"]) for row in data],
        "time": [NOTHING if row["seconds"] is None else duration(row["seconds"]) for row in data],
        "snap\nsaves": [_saving(row, "snap") for row in data],
        "max\nsaves": [_saving(row, "max") for row in data],
    }
    return {name: cells for name, cells in columns.items() if name in ALWAYS or set(cells) - {NOTHING}}


def _money(amount: str | None) -> str:
    return NOTHING if amount is None else rounded_money(amount)


def _saving(row: Row, kind: str) -> str:
    """By how much shrinking lowers the cost, or the image tokens if there is no price."""
    fits = row["fits"]
    if kind not in fits:
        return NOTHING
    what = "image_tokens" if fits["none"]["cost"] is None else "cost"
    whole, fitted = (Decimal(fits[each][what]) for each in ("none", kind))
    return percent(float(1 - fitted / whole)) if fitted < whole else NOTHING


def notes(estimate: Estimate) -> Iterator[str]:
    """Notes on the table, each with the rows that it is about."""
    data: Sequence[Row] = estimate["data"]
    named: dict[str, dict[str, None]] = {}
    for row, model in zip(data, _models(data), strict=True):
        for note in _of_model(row):
            named.setdefault(note, {})[model] = None
        for note in _of_row(row):
            named.setdefault(note, {})[f"{model} {row['detail']}"] = None
    return (f"{note}: {', '.join(whose)}." for note, whose in named.items())


def _of_model(row: Row) -> Iterator[str]:
    if not row["configured"]:
        yield "Not configured here"
    if row["cost"]["price"] is None:
        yield "No price known"
    if not row["confirmed"]:
        yield "Counted by a rule that its provider has not confirmed"
    if row["shutdown_date"]:
        yield f"Shuts down on {row['shutdown_date']}"


def _of_row(row: Row) -> Iterator[str]:
    if row["rejected_items"]:
        yield f"{items(row['rejected_items'])} would be refused by the provider"
    if row["too_large_items"]:
        yield f"{items(row['too_large_items'])} larger than the limit of a minute, and would fail"


def summary(estimate: Estimate) -> str:
    """How many items, and how exact the figures are."""
    seen = estimate["items"]
    parts = [items(seen["total"]), _exactness(estimate)]
    if seen["unreadable"]:
        parts.append(f"{count(seen['unreadable'])} of the sample could not be read")
    return ", ".join(parts) + "."


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
