"""From a job's acceptance to its first call on an idle system, and what Tessera adds until the result is stored."""

import argparse
import asyncio
import random
import time
from statistics import quantiles
from typing import Any

from benchmarks.door import Door, manifest
from benchmarks.processes import Meter
from benchmarks.report import Figure, Report
from benchmarks.service import Service, running
from tests.fakes import FakeProcess, start

LATENCY = 0.05
COLD_JOBS, COLD_SECONDS = 10, 6.5
"""A pump goes to sleep after 5 s without work; what comes later must wake it."""

STORED = """
    SELECT replace(j.id::text, '-', ''), extract(epoch FROM r.finished_at)::float8
    FROM jobs j JOIN results r ON r.job_id = j.id
"""


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--jobs", type=int, default=40, help="latency: jobs of each kind")


def run(chosen: argparse.Namespace) -> Report:
    """Single-item jobs, one after the other: sizes told, to be measured, and after a pause that puts all to sleep."""
    report = Report("latency", f"Latency: jobs of one item on an idle system, 2 workers, fake {LATENCY * 1000:.0f} ms")
    with (
        start("provider", "--key", "sk-test", "--latency", str(LATENCY)) as provider,
        start("image_host") as host,
        running(provider, workers=2) as service,
    ):
        asyncio.run(_measure(report, chosen.jobs, service, provider, host))
    report.notes += [
        "All instants are of this machine's clock: the POST's in the benchmark, the call's arrival in the fake,",
        "the result's in PostgreSQL (the start of the transaction that stores it).",
    ]
    return report


async def _measure(report: Report, jobs: int, service: Service, provider: FakeProcess, host: FakeProcess) -> None:
    image = f"{host.url}/640x480/{{}}.jpg"
    async with Door(service) as door:
        await door.finished((await door.submit(manifest([image.format("warm")], None)))["id"])
        for group, size, count, gap in (
            ("size told", (640, 480), jobs, 0.5),
            ("to be measured", None, jobs, 0.5),
            (f"size told, asleep for {COLD_SECONDS} s", (640, 480), COLD_JOBS, COLD_SECONDS),
        ):
            provider.post("/_/reset")
            with Meter(service.pids) as meter:
                posts = [await _post(door, image.format(number), size, gap) for number in range(count)]
            report.figures += _figures(group, posts, _calls(provider), dict(service.rows(STORED)))
            report.figures.append(Figure(group, "others", meter.others, "cores"))


async def _post(door: Door, image: str, size: tuple[int, int] | None, gap: float) -> tuple[str, float, float]:
    """Job (hex), when the POST was sent and answered; returns when the job is over."""
    await asyncio.sleep(gap * random.uniform(0.8, 1.2))
    sent = time.time()
    job = await door.submit(manifest([image], size))
    answered = time.time()
    await door.finished(job["id"])
    return job["id"].partition("_")[2], sent, answered


def _calls(provider: FakeProcess) -> dict[str, float]:
    """Job (hex) → when its first call arrived; calls carry `item_<job><number>-<attempt>`."""
    found: dict[str, float] = {}
    for call in provider.get("/_/log")["calls"]:
        found.setdefault(call["client_request_id"].partition("_")[2][:32], call["time"])
    return found


def _figures(
    group: str, posts: list[tuple[str, float, float]], calls: dict[str, float], stored: dict[str, Any]
) -> list[Figure]:
    accepted = [1000 * (calls[job] - answered) for job, _, answered in posts]
    added = [1000 * (stored[job] - sent - LATENCY) for job, sent, _ in posts]
    taken = [1000 * (answered - sent) for _, sent, answered in posts]
    return [
        Figure(group, "accepted → first call, p50", _percentile(accepted, 50), "ms"),
        Figure(group, "accepted → first call, p95", _percentile(accepted, 95), "ms", at_most=1000),
        Figure(group, "accepted → first call, highest", max(accepted), "ms"),
        Figure(group, "POST sent → answered, p50", _percentile(taken, 50), "ms"),
        Figure(group, "added until stored, p50", _percentile(added, 50), "ms"),
        Figure(group, "added until stored, p95", _percentile(added, 95), "ms"),
    ]


def _percentile(values: list[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]
