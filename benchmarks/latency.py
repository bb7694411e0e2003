"""One item on an idle system: what Tessera adds to the provider's own latency between POST and result."""

import argparse
import asyncio
import random
import time
from dataclasses import dataclass
from statistics import quantiles
from uuid import UUID

import psycopg

from benchmarks.figures.figure import Figure
from benchmarks.figures.report import Report
from benchmarks.stack.client import ApiClient, Size, manifest
from benchmarks.stack.processes import Meter
from benchmarks.stack.service import KEY, Service, running
from tests.fakes import FakeProcess, start

LATENCY = 0.05
GOAL_P50, GOAL_P95 = 60.0, 150.0
COLD_JOBS, COLD_SECONDS = 10, 6.5
"""A dispatcher ends after 5 s without work; a later job must start it again."""
LOOK_SECONDS = 0.002
"""Between two queries for a result: the largest error of the measured latency."""
LONGEST = 60.0


@dataclass(frozen=True)
class Instants:
    """Epoch seconds: POST sent and answered, first call at the provider, result visible to another connection."""

    sent: float
    answered: float
    called: float
    stored: float


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--jobs", type=int, default=100, help="latency: jobs of each kind")


def run(chosen: argparse.Namespace) -> Report:
    """Single-item jobs, one after the other: sizes declared, measured, and after a pause that ends the dispatchers."""
    report = Report("latency", f"Latency: jobs of one item on an idle system, 2 workers, fake {LATENCY * 1000:.0f} ms")
    with (
        start("provider", "--key", KEY, "--latency", str(LATENCY)) as provider,
        start("image_host") as host,
        running(provider, workers=2) as service,
    ):
        asyncio.run(_measure(report, chosen.jobs, service, provider, host))
    report.notes += [
        "Added = POST sent → result visible to another connection of the database, less the provider's latency.",
        f"All instants are of this machine's clock; the result is looked for every {LOOK_SECONDS * 1000:.0f} ms.",
    ]
    return report


async def _measure(report: Report, jobs: int, service: Service, provider: FakeProcess, host: FakeProcess) -> None:
    image = f"{host.url}/640x480/{{}}.jpg"
    async with (
        ApiClient(service) as client,
        await psycopg.AsyncConnection.connect(service.address, autocommit=True) as database,
    ):
        await _one(client, database, provider, manifest([image.format("warm")], None), 0.0)
        for group, size, count, gap in (
            ("size declared", (640, 480), jobs, 0.3),
            ("to be measured", None, jobs, 0.3),
            (f"size declared, asleep for {COLD_SECONDS} s", (640, 480), min(jobs, COLD_JOBS), COLD_SECONDS),
        ):
            with Meter(service.pids | {"fakes": [provider.process.pid, host.process.pid]}) as meter:
                seen = await _some(client, database, provider, image, size, count, gap)
            report.figures += _figures(group, seen)
            report.figures.append(Figure(group, "others", meter.others, "cores"))


async def _some(
    client: ApiClient,
    database: "psycopg.AsyncConnection[tuple[object, ...]]",
    provider: FakeProcess,
    image: str,
    size: Size | None,
    count: int,
    gap: float,
) -> list[Instants]:
    return [
        await _one(client, database, provider, manifest([image.format(number)], size), gap) for number in range(count)
    ]


async def _one(
    client: ApiClient,
    database: "psycopg.AsyncConnection[tuple[object, ...]]",
    provider: FakeProcess,
    lines: bytes,
    gap: float,
) -> Instants:
    """After a pause of about `gap` seconds, submit a job and look for its result."""
    await asyncio.sleep(gap * random.uniform(0.8, 1.2))
    provider.post("/_/forget")
    sent = time.time()
    job = UUID((await client.submit(lines))["id"].partition("_")[2])
    answered = time.time()
    while not await (await database.execute("SELECT 1 FROM results WHERE job_id = %s", [job])).fetchone():
        if time.time() > sent + LONGEST:
            raise RuntimeError(f"Job {job} has no result after {LONGEST:.0f} s.")
        await asyncio.sleep(LOOK_SECONDS)
    stored = time.time()
    [call] = provider.get("/_/log")["calls"]
    return Instants(sent, answered, call["time"], stored)


def _figures(group: str, seen: list[Instants]) -> list[Figure]:
    added = [one.stored - one.sent - LATENCY for one in seen]
    figures = [
        _percentile(group, "added until stored", added, 50, at_most=GOAL_P50),
        _percentile(group, "added until stored", added, 95, at_most=GOAL_P95),
        Figure(group, "added until stored, highest", 1000 * max(added), "ms"),
    ]
    for name, parts in {
        "POST sent → answered": [one.answered - one.sent for one in seen],
        "answered → first call": [one.called - one.answered for one in seen],
        "last answer → stored": [one.stored - one.called - LATENCY for one in seen],
    }.items():
        figures += [_percentile(group, name, parts, percent) for percent in (50, 95)]
    return figures


def _percentile(group: str, name: str, seconds: list[float], percent: int, **goal: float) -> Figure:
    value = quantiles(seconds, n=100, method="inclusive")[percent - 1]
    return Figure(group, f"{name}, p{percent}", 1000 * value, "ms", samples=[1000 * one for one in seconds], **goal)
