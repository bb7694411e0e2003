"""`tessera providers`: shows lanes, their limits and what is left of them; ends a lane's pause."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click
import orjson
from rich.live import Live
from rich.table import Table

from cli.connection import Connection, connect
from cli.tables.figures import count, duration, short
from cli.tables.terminal import console

NUMBERS = ("requests/min", "left", "tokens/min", "left", "in flight", "wait", "429s")
UNKNOWN = "?"
EVERY_SECONDS = 1.0


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--watch", "watching", is_flag=True, help="Show it anew every second, until Ctrl-C.")
@click.pass_context
def command(context: click.Context, as_json: bool, watching: bool) -> None:
    """Show every provider and model with its limits and what is left of them now.

    Requests and tokens are those of the last minute, of the limit. What is left can be negative: that much is
    promised to calls that wait; `wait` is how long the next call would. --json has the exact numbers.
    """
    if context.invoked_subcommand:
        return
    with connect() as connection:
        if watching:
            _watch(connection, as_json)
        elif as_json:
            click.echo(orjson.dumps(_lanes(connection)))
        else:
            console().print(table(_lanes(connection)))


@command.command()
@click.argument("lane")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def resume(lane: str, as_json: bool) -> None:
    """End the pause of LANE (provider/model), such as one that a wrong Retry-After asked for."""
    with connect() as connection:
        found = connection.post(f"/v1/lanes/{quote(lane)}/resume")
    click.echo(orjson.dumps(found) if as_json else f"{lane} goes on.")


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--image-url", metavar="URL", help="Also ask about this public image, which the provider is to fetch.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(names: Sequence[str], image_url: str | None, as_json: bool) -> None:
    """Ask each lane a tiny question, and tell what its server understands.

    NAME is a provider or a lane (provider/model); without it all are asked. Reads providers.toml and the keys here,
    needs no running service, and makes real calls: one a lane, and one more for each field that the server refuses.
    Exits with 1 if a lane took no call.
    """
    from cli import provider_check  # noqa: PLC0415 - the provider's client takes half a second to load

    found = provider_check.run(names, image_url)
    if as_json:
        click.echo(orjson.dumps([provider_check.facts(each) for each in found]))
    else:
        for each in found:
            click.echo(provider_check.told(each))
    if any(each.problem for each in found):
        raise SystemExit(1)


def _lanes(connection: Connection) -> list[dict[str, Any]]:
    lanes: list[dict[str, Any]] = connection.get("/v1/lanes")["data"]
    return lanes


def _watch(connection: Connection, as_json: bool) -> None:
    """Every second print a line of JSON, or replace the table."""
    try:
        with Live(console=console(), auto_refresh=False) as live:
            while True:
                lanes = _lanes(connection)
                if as_json:
                    click.echo(orjson.dumps(lanes))
                else:
                    live.update(table(lanes), refresh=True)
                time.sleep(EVERY_SECONDS)
    except KeyboardInterrupt:
        return


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
        others = count(lane["in_flight"]), _wait(now), count(now["throttled"]) if now else UNKNOWN
        rows.add_row(lane["id"], *requests, *tokens, *others, _state(lane))
    return rows


def _use(now: Mapping[str, Any] | None, what: str, limit: int) -> tuple[str, str]:
    """Used in the last minute, of the limit in force; and what is left now."""
    if now is None:
        return f"{UNKNOWN} of {short(limit)}", UNKNOWN
    return f"{short(now[f'{what}_last_minute'])} of {short(now[f'{what}_per_minute'])}", short(now[f"{what}_left"])


def _wait(now: Mapping[str, Any] | None) -> str:
    """How long the next call would wait."""
    if now is None:
        return UNKNOWN
    return duration(now["waiting_seconds"]) if now["waiting_seconds"] >= 1 else "-"


def _state(lane: Mapping[str, Any]) -> str:
    now, breaker = lane["now"], lane.get("breaker")
    if breaker:
        since, soon = time.time() - breaker["open_since"], breaker["next_probe_at"] - time.time()
        return f"down for {duration(max(0, since))}, asked again in {duration(max(0, soon))}: {breaker['message']}"
    if now is None:
        return "Redis cannot be reached"
    learned = [f'{name} = "{value}"' for name, value in lane.get("dialect", {}).get("learned", {}).items()]
    states = [f"paused for {duration(now['paused_seconds'])}"] if now["paused_seconds"] else []
    if now["charge_factor"] > 1:
        states.append(f"charges {now['charge_factor']:.2f} times our count")
    if now["tokens_for_others"]:
        states.append(f"{short(now['tokens_for_others'])} kept for others")
    return ", ".join([*states, *(["learned: " + ", ".join(learned)] if learned else [])])
