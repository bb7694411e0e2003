"""How fast a long manifest is submitted over HTTP, and whether the API's memory stays flat."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures.figure import Figure, median_figure
from benchmarks.figures.report import Report
from benchmarks.stack import processes
from benchmarks.stack.client import ApiClient, manifest
from benchmarks.stack.processes import Meter
from benchmarks.stack.service import KEY, Service, running
from tests.fakes import start

GOAL_LINES, GOAL_SECONDS, GOAL_MEGABYTES = 1_000_000, 60.0, 150.0
SHORT = 200_000
"""Manifests of up to so many lines are sent three times."""
SIZES = {"sizes declared": (1024, 768), "sizes unknown": None}


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--lines", type=int, default=GOAL_LINES, help="ingest: lines of the manifest")


def run(chosen: argparse.Namespace) -> Report:
    """Manifests with and without the images' sizes; no worker runs."""
    report = Report("ingest", f"Ingest: a manifest of {chosen.lines:,} lines as the body of POST /v1/jobs")
    with start("provider", "--key", KEY) as provider, running(provider, workers=0) as service:
        asyncio.run(_measure(report, chosen.lines, service))
    report.notes.append(
        "Growth is the API's peak during the runs of a kind over what it held after its first small job."
    )
    return report


async def _measure(report: Report, lines: int, service: Service) -> None:
    api = service.pids["api"][0]
    async with ApiClient(service) as client:
        await client.submit(manifest(_urls(100), None))
        before = processes.memory(api)
        for group, size in SIZES.items():
            with _written(manifest(_urls(lines), size)) as path:
                processes.forget_peak(api)
                found = [await _submit(client, service, path, lines) for _ in range(3 if lines <= SHORT else 1)]
                growth = processes.memory(api, "VmHWM") - before
            goal = GOAL_SECONDS * lines / GOAL_LINES
            report.figures += [
                median_figure(group, "POST sent → answered", [one.seconds for one in found], "s", at_most=goal),
                median_figure(group, "lines", [lines / one.seconds for one in found], "lines/s"),
                Figure(group, "API memory growth", growth, "MB", at_most=GOAL_MEGABYTES),
                *[
                    median_figure(group, f"CPU {name}", [one.cpu[name] * 1e6 / lines for one in found], "µs/line")
                    for name in ("api", "postgres", "benchmark")
                ],
                median_figure(group, "others", [one.others for one in found], "cores"),
            ]


async def _submit(client: ApiClient, service: Service, path: Path, lines: int) -> Meter:
    with Meter(service.pids) as meter:
        started = time.monotonic()
        job = await client.submit(path)
        seconds = time.monotonic() - started
    meter.seconds = seconds
    if job["request_counts"]["total"] != lines:
        raise RuntimeError(f"{lines} lines became {job['request_counts']}.")
    return meter


@contextmanager
def _written(lines: bytes) -> Iterator[Path]:
    """A file, so that the client streams it and needs no memory."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(lines)
        file.flush()
        yield Path(file.name)


def _urls(count: int) -> Iterator[str]:
    return (f"https://images.example.com/catalogue/2026/{number:012d}/front.jpg" for number in range(count))
