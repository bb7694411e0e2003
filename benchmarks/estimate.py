"""How fast a long manifest is estimated over HTTP, whether the API's memory stays flat, and whether others wait."""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.figures.figure import Figure
from benchmarks.figures.report import Report
from benchmarks.stack import processes
from benchmarks.stack.processes import Meter
from benchmarks.stack.service import MODEL, Service, running
from tests.fakes import start

GOAL_LINES, GOAL_SECONDS, GOAL_MEGABYTES = 1_000_000, 20.0, 100.0
LONG, GOAL_LONG_SECONDS = 10, 30.0
"""The long manifest, of which only a sample of lines is read, is so many times as long."""
MODELS = (MODEL, "gpt-4o", "gpt-4.1-mini", "gpt-5", "gpt-5.4", "gpt-5.4-mini", "gpt-5.6-luna", "gpt-6-astra")
PAUSE_SECONDS = 0.1


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--estimate-lines", type=int, default=GOAL_LINES, help="estimate: lines of the manifest")


def run(chosen: argparse.Namespace) -> Report:
    """Three manifests once each, every detail of every model, with what each way of shrinking saves."""
    lines = chosen.estimate_lines
    report = Report("estimate", f"Estimate: manifests of {lines:,} and {LONG * lines:,} lines with the images' sizes")
    with start("provider", "--key", "sk-test") as provider, running(provider, workers=0) as service:
        asyncio.run(_measure(report, lines, service))
    report.notes += [
        "POST sent → answered includes sending the manifest. `others wait` is another request to the API meanwhile.",
        "Growth is the API's peak over what it held before; an estimate of a few lines came first.",
    ]
    return report


async def _measure(report: Report, lines: int, service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.key}"}
    # Writing a manifest takes longer than the API keeps an idle connection.
    options: dict[str, Any] = {
        "timeout": aiohttp.ClientTimeout(600),
        "connector": aiohttp.TCPConnector(force_close=True),
    }
    async with aiohttp.ClientSession(service.url, headers=headers, **options) as session:
        with _written(_with_images(1_000, 100)) as path:
            await _estimate(session, path, MODELS)
        share = lines / GOAL_LINES
        for group, pieces, models, goal in (
            ("1 model, 1,000 sizes", _with_images(lines, 1_000), MODELS[:1], GOAL_SECONDS),
            ("8 models, all sizes differ", _with_images(lines, lines), MODELS, GOAL_SECONDS),
            (f"1 model, {LONG}x as long", _sizes_only(LONG * lines), MODELS[:1], GOAL_LONG_SECONDS),
        ):
            with _written(pieces) as path:
                report.figures += await _figures(session, service, path, group, models, goal * share)


async def _figures(
    session: aiohttp.ClientSession, service: Service, path: Path, group: str, models: tuple[str, ...], goal: float
) -> list[Figure]:
    api = service.pids["api"][0]
    before = processes.memory(api)
    processes.forget_peak(api)
    waits: list[float] = []
    timing = asyncio.create_task(_time_others(session, waits))
    try:
        with Meter(service.pids) as meter:
            found = await _estimate(session, path, models)
    finally:
        timing.cancel()
    ordered = sorted(waits)
    total, sampled = found["items"]["total"], found["items"]["sampled"]
    return [
        Figure(group, "POST sent → answered", meter.seconds, "s", at_most=goal),
        Figure(group, "lines", total / meter.seconds, "lines/s"),
        Figure(group, "read of them", 100 * sampled / total, "%"),
        Figure(group, "rows", len(found["data"])),
        Figure(group, "API memory growth", processes.memory(api, "VmHWM") - before, "MB", at_most=GOAL_MEGABYTES),
        Figure(group, "CPU api", meter.cpu["api"] * 1e6 / total, "µs/line"),
        Figure(group, "others wait, p95", 1000 * ordered[len(ordered) * 95 // 100], "ms"),
        Figure(group, "others", meter.others, "cores"),
    ]


async def _estimate(session: aiohttp.ClientSession, path: Path, models: tuple[str, ...]) -> dict[str, Any]:
    fields = {"preset": "moderation", "models": ",".join(models)}
    kind = {"Content-Type": "application/x-ndjson"}
    with path.open("rb") as file:
        async with session.post("/v1/estimates", params=fields, data=file, headers=kind) as response:
            answer: dict[str, Any] = await response.json()
    if response.status != 200:
        raise RuntimeError(f"The estimate was answered {response.status}: {answer}")
    return answer


async def _time_others(session: aiohttp.ClientSession, seconds: list[float]) -> None:
    while True:
        started = time.monotonic()
        async with session.get("/v1/presets") as response:
            await response.read()
        seconds.append(time.monotonic() - started)
        await asyncio.sleep(PAUSE_SECONDS)


def _with_images(lines: int, different: int) -> Iterator[bytes]:
    """Lines of a catalogue, with so many different sizes."""
    generator = random.Random(1)
    sizes = [(generator.randint(200, 6_000), generator.randint(200, 6_000)) for _ in range(different)]
    for number, (width, height) in enumerate(islice(cycle(sizes), lines)):
        url = f"https://images.example.com/catalogue/2026/{number:012d}/front.jpg"
        yield f'{{"custom_id":"item-{number}","image":"{url}","width":{width},"height":{height}}}\n'.encode()


def _sizes_only(lines: int) -> Iterator[bytes]:
    """The shortest lines that there are."""
    generator = random.Random(2)
    some = [
        f'{{"width":{generator.randint(200, 6_000)},"height":{generator.randint(200, 6_000)}}}\n' for _ in range(10_000)
    ]
    return (line.encode() for line in islice(cycle(some), lines))


@contextmanager
def _written(lines: Iterator[bytes]) -> Iterator[Path]:
    """A file, so that the client streams it and needs no memory."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.writelines(lines)
        file.flush()
        yield Path(file.name)
