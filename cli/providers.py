"""`tessera providers`: the lanes, their limits, and what is left of them now."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from cli.connection import connect
from cli.figures import count, duration

NUMBERS = ("requests/min", "used", "left", "tokens/min", "used", "left", "in flight", "429s")
UNKNOWN = "?"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show every provider and model with its limits and what is left of them now.

    Used is what the last minute took. What is left can be negative: that much is promised to calls that wait.
    """
    with connect() as connection:
        lanes = connection.get("/v1/lanes")["data"]
    if as_json:
        click.echo(orjson.dumps(lanes))
    else:
        Console().print(table(lanes))


def table(lanes: Sequence[Mapping[str, Any]]) -> Table:
    """One row a lane."""
    rows = Table("lane", box=None, header_style="bold")
    for name in NUMBERS:
        rows.add_column(name, justify="right")
    rows.add_column("now")
    for lane in lanes:
        limits, now = lane["limits"], lane["now"]
        requests = [limits["requests_per_minute"], *_use(now, "requests")]
        tokens = [limits["tokens_per_minute"], *_use(now, "tokens")]
        numbers = [*requests, *tokens, lane["in_flight"], now["throttled"] if now else None]
        rows.add_row(lane["id"], *(UNKNOWN if each is None else count(each) for each in numbers), _state(now))
    return rows


def _use(now: Mapping[str, Any] | None, what: str) -> tuple[int | None, int | None]:
    """Used in the last minute, and left."""
    return (now[f"{what}_last_minute"], now[f"{what}_left"]) if now else (None, None)


def _state(now: Mapping[str, Any] | None) -> str:
    if now is None:
        return "Redis cannot be reached"
    return f"paused for {duration(now['paused_seconds'])}" if now["paused_seconds"] else "open"
