"""Rows turned into columns: one array a column is what a statement takes that writes them by `unnest`."""

from collections.abc import Sequence
from typing import Any


def columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """The values of each name, in the order of the rows; there must be one."""
    return {name: [row[name] for row in rows] for name in rows[0]}
