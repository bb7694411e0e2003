"""Shows a job again and again: as JSON, as lines, or as a panel on a terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import orjson
from rich.console import Console
from rich.live import Live

from cli.tables import progress
from cli.tables.pace import Pace

Job = dict[str, Any]

Show = Callable[[Job, Pace, int | None], None]

LINE_SECONDS = 5.0


@contextmanager
def shown_as(as_json: bool) -> Iterator[Show]:
    console = Console()
    if as_json:
        yield _once_changed(lambda job, *_: click.echo(orjson.dumps(job)))
    elif not console.is_terminal:
        yield _now_and_then(lambda *seen: click.echo(progress.line(*seen)))
    else:
        with Live(console=console, refresh_per_second=8) as live:
            yield lambda *seen: live.update(progress.panel(*seen))


def _once_changed(show: Show) -> Show:
    last: Job = {}

    def shown(job: Job, pace: Pace, limit: int | None) -> None:
        nonlocal last
        if job != last:
            show(job, pace, limit)
        last = job

    return shown


def _now_and_then(show: Show) -> Show:
    """A line when the state changes; while only counts change, one every few seconds."""
    last: Job = {}
    due = 0.0

    def shown(job: Job, pace: Pace, limit: int | None) -> None:
        nonlocal last, due
        moved = any(job[name] != last.get(name) for name in ("status", "status_code"))
        if moved or (job != last and time.monotonic() >= due):
            show(job, pace, limit)
            last, due = job, time.monotonic() + LINE_SECONDS

    return shown
