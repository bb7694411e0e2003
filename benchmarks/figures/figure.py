"""One number of a benchmark, with its goal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

STYLES = {"ok": "green", "short": "bold red"}


@dataclass(frozen=True)
class Figure:
    """One number; `samples` are the runs behind it, `value` their median. Without a goal it is for reading only."""

    group: str
    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    samples: list[float] = field(default_factory=list)
    digits: int | None = None
    """Decimals to show; by default three figures or so."""

    @property
    def goal(self) -> str:
        """The goal as people read it."""
        if self.at_least is not None:
            return f"≥ {_short(self.at_least)}"
        return "" if self.at_most is None else f"≤ {_short(self.at_most)}"

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return _plain(self.value, self.digits)

    @property
    def verdict(self) -> str:
        """`ok`, `short`, or nothing where there is no goal."""
        if not self.goal:
            return ""
        low = self.at_least is not None and self.value < self.at_least
        high = self.at_most is not None and self.value > self.at_most
        return "short" if low or high else "ok"

    @property
    def cell(self) -> str:
        """The value with its verdict, for a table without a column for that."""
        style = STYLES.get(self.verdict)
        mark = "\u00a0✗" if self.verdict == "short" else ""
        return f"[{style}]{self.shown}{mark}[/]" if style else self.shown

    @property
    def spread(self) -> str:
        """Lowest and highest run."""
        if len(self.samples) < 2:
            return ""
        return f"{_plain(min(self.samples), self.digits)} … {_plain(max(self.samples), self.digits)}"


def median_figure(group: str, name: str, samples: Sequence[float], unit: str = "", **options: Any) -> Figure:
    """A figure that is the median of several runs."""
    return Figure(group, name, median(samples), unit, samples=list(samples), **options)


def _plain(value: float, digits: int | None = None) -> str:
    """Three figures or so: 12,345 · 123 · 12.3 · 1.23 · 0.0123; or so many decimals."""
    if digits is not None:
        return f"{value:,.{digits}f}"
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3g}"


def _short(goal: float) -> str:
    """As it was set: 1.003 · 0 · 1,000,000."""
    return f"{goal:,.10g}"
