"""A benchmark's results: a table for people, and a JSON file for comparison."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures.figure import STYLES, Figure

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Grid:
    """A comparison beside the figures; the first column is the row's name."""

    title: str
    header: list[str]
    rows: list[list[str]]

    def show(self, console: Console) -> None:
        """Print it; cells that differ from the row's second one are dimmed."""
        table = Table(title=self.title, title_justify="left")
        for index, heading in enumerate(self.header):
            table.add_column(heading.replace("-", "-\n"), justify="right" if index else "left", no_wrap=not index)
        for name, expected, *cells in self.rows:
            table.add_row(name, expected, *(cell if cell == expected else f"[dim]{cell}[/dim]" for cell in cells))
        console.print(table)


@dataclass
class Report:
    """A benchmark's figures, and notes on how to read them."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    across: bool = False
    """Show a line for each group and a column for each figure."""
    data: dict[str, Any] = field(default_factory=dict)
    """More data for the JSON file."""
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])

    def show(self, console: Console) -> None:
        """Print the table."""
        table = Table(title=self.title, title_justify="left", caption="\n".join(self.notes), caption_justify="left")
        (self._fill_across if self.across else self._fill_down)(table)
        console.print(table)
        for grid in self.grids:
            grid.show(console)

    def _fill_down(self, table: Table) -> None:
        for heading in ("", "figure"):
            table.add_column(heading)
        for heading in ("value", "unit", "runs", "goal", ""):
            table.add_column(heading, justify="right" if heading == "value" else "left")
        for group in self._groups:
            for index, figure in enumerate(one for one in self.figures if one.group == group):
                row = (figure.name, figure.shown, figure.unit, figure.spread, figure.goal, figure.verdict)
                table.add_row("" if index else group, *row, style=STYLES.get(figure.verdict, ""))
            table.add_section()

    def _fill_across(self, table: Table) -> None:
        table.add_column("", no_wrap=True)
        columns: dict[str, Figure] = {}
        for figure in self.figures:
            columns.setdefault(figure.name, figure)
        for name, figure in columns.items():
            table.add_column("\n".join(filter(None, (name, figure.unit, figure.goal))), justify="right")
        for group in self._groups:
            cells = {figure.name: figure.cell for figure in self.figures if figure.group == group}
            table.add_row(group, *(cells.get(name, "") for name in columns))

    @property
    def _groups(self) -> list[str]:
        return list(dict.fromkeys(figure.group for figure in self.figures))

    def save(self) -> Path:
        """Write benchmarks/results/<name>.json."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        rows = [asdict(figure) | {"goal": figure.goal, "verdict": figure.verdict} for figure in self.figures]
        document = {"benchmark": self.name, **_where(), "load_before": self.load_before, "notes": self.notes}
        document |= {"grids": [asdict(grid) for grid in self.grids]} if self.grids else {}
        document |= {"data": self.data} if self.data else {}
        path.write_text(json.dumps(document | {"figures": rows}, indent=2, ensure_ascii=False) + "\n")
        return path


def _where() -> dict[str, str | int | None]:
    command = ["git", "-C", str(RESULTS.parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit or None,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
