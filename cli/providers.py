"""`tessera providers`: the lanes, their limits, and what is left of them now."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
import orjson
from rich.table import Table

from cli.connection import connect
from cli.figures import count, duration, short
from cli.terminal import console

NUMBERS = ("requests/min", "left", "tokens/min", "left", "in flight", "429s")
UNKNOWN = "?"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show every provider and model with its limits and what is left of them now.

    Requests and tokens are those of the last minute, of the limit. What is left can be negative: that much is
    promised to calls that wait. --json has the exact numbers.
    """
    with connect() as connection:
        lanes = connection.get("/v1/lanes")["data"]
    if as_json:
        click.echo(orjson.dumps(lanes))
    else:
        console().print(table(lanes))


def table(lanes: Sequence[Mapping[str, Any]]) -> Table:
    """One row a lane."""
    rows = Table(box=None, header_style="bold", pad_edge=False)
    rows.add_column("lane", no_wrap=True)
    for name in NUMBERS:
        rows.add_column(name, justify="right")
    rows.add_column("")
    for lane in lanes:
        limits, now = lane["limits"], lane["now"]
        requests, tokens = (_use(now, each, limits[f"{each}_per_minute"]) for each in ("requests", "tokens"))
        others = count(lane["in_flight"]), count(now["throttled"]) if now else UNKNOWN
        rows.add_row(lane["id"], *requests, *tokens, *others, _state(now))
    return rows


def _use(now: Mapping[str, Any] | None, what: str, limit: int) -> tuple[str, str]:
    """Used in the last minute of the limit, and left now."""
    if now is None:
        return f"{UNKNOWN} of {short(limit)}", UNKNOWN
    return f"{short(now[f'{what}_last_minute'])} of {short(limit)}", short(now[f"{what}_left"])


def _state(now: Mapping[str, Any] | None) -> str:
    if now is None:
        return "Redis cannot be reached"
    return f"paused for {duration(now['paused_seconds'])}" if now["paused_seconds"] else ""
