"""`tessera watch`: a job's progress until it ends."""

import math
import sys
import time
from typing import NoReturn

import click

from cli import options
from cli.connection import Connection, connect
from cli.problems import Problem, Unreachable
from cli.tables import progress
from cli.tables.following import Job, shown_as
from cli.tables.pace import Pace
from vision.jobs.lifecycle import TERMINAL

INTERRUPTED = 130
EVERY_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long the service may not answer, for example while it restarts."""


@click.command()
@click.argument("job")
@click.option("--json", "as_json", is_flag=True, help="Print the job object, one line each time it changes.")
@click.option(
    "--timeout",
    "seconds",
    callback=options.seconds,
    metavar="TIME",
    help="Give up after this time, such as 30m or 12h.",
)
def command(job: str, as_json: bool, seconds: int | None) -> None:
    """Show the live progress of JOB until it ends.

    On a terminal: a bar, items per second, tokens per minute against the limit, the cost and the time left.
    Elsewhere: a line every few seconds. The exit code is 0 if the job succeeded, else 1. Leaving with Ctrl-C
    does not stop the job.
    """
    with connect() as connection:
        watch(connection, job, as_json=as_json, seconds=seconds)


def watch(connection: Connection, job_id: str, *, as_json: bool = False, seconds: float | None = None) -> NoReturn:
    """Show the job until it ends, then leave with 0 if it succeeded, else with 1."""
    try:
        job = follow(connection, job_id, as_json=as_json, seconds=seconds)
    except KeyboardInterrupt:
        click.echo(f"The job goes on: `tessera watch {job_id}` shows it again.", err=True)
        sys.exit(INTERRUPTED)
    comparison = None if as_json else progress.comparison(job)
    if comparison:
        click.echo(comparison)
    sys.exit(0 if job["status"] == "succeeded" else 1)


def follow(connection: Connection, job_id: str, *, as_json: bool = False, seconds: float | None = None) -> Job:
    """Show the job until it ends; its last state. Problem when `seconds` are over before."""
    path, pace = f"/v1/jobs/{job_id}", Pace()
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    job: Job = connection.get(path)
    limit = _tokens_per_minute(connection, job)
    with shown_as(as_json) as show:
        while True:
            pace.see(job, time.monotonic())
            show(job, pace, limit)
            if job["status"] in TERMINAL:
                return job
            if time.monotonic() > deadline:
                raise Problem(f"{job_id} has not ended in time: it is {job['status']} ({job['status_code']}).")
            time.sleep(EVERY_SECONDS)
            job = _patiently(connection, path)


def _patiently(connection: Connection, path: str) -> Job:
    """Read the job; wait up to PATIENCE_SECONDS for a service that does not answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            job: Job = connection.get(path)
        except Unreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(EVERY_SECONDS)
        else:
            return job


def _tokens_per_minute(connection: Connection, job: Job) -> int | None:
    """The limit of the job's lane, if this key may see it."""
    try:
        lanes = connection.get("/v1/lanes")["data"]
    except Problem:
        return None
    here = (lane for lane in lanes if (lane["provider"], lane["model"]) == (job["provider"], job["model"]))
    return next((lane["limits"]["tokens_per_minute"] for lane in here), None)
