"""How close a job on one limited lane comes to what the limit allows, and whether it is ever refused (429)."""

import argparse
import asyncio
import math
import time
from dataclasses import dataclass

from benchmarks.door import Door, manifest
from benchmarks.processes import Meter
from benchmarks.report import Figure, Report
from benchmarks.service import MODEL, Service, running
from tests.fakes import FakeProcess, start
from vision import presets
from vision.tokens import count_image, find_rule
from vision.tokens.text import call_tokens

LATENCY = 0.3
SIZE = (512, 512)
OUT_OF_THE_WAY = 1_000_000_000


@dataclass(frozen=True)
class Shape:
    """A lane and a job on it: (rpm, tpm), and how many items."""

    name: str
    limit: tuple[int, int]
    items: int


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--stretch", type=float, default=30.0, help="saturation: seconds that a job must take")
    parser.add_argument("--tpm", type=int, default=2_000_000, help="saturation: tokens per minute")
    parser.add_argument("--rpm", type=int, default=1_000, help="saturation: requests per minute")
    parser.add_argument("--charge", choices=("usage", "max"), default="usage", help="saturation: how the fake charges")


def run(chosen: argparse.Namespace) -> Report:
    """A job bound by tokens and one bound by requests, by one worker and by two."""
    title = f"Saturation: one lane, jobs that must take {chosen.stretch:.0f} s, the fake charges by {chosen.charge}"
    report = Report("saturation", title)
    for workers in (1, 2):
        for shape in _shapes(chosen):
            _one(report, shape, workers, chosen.charge)
    report.notes += [
        "Minimum = (charged less one full bucket) ÷ refill + one latency; took = POST sent → job terminal.",
        "Refused calls were sent before the provider's bucket had refilled: each is the limiter's mistake.",
    ]
    return report


def _shapes(chosen: argparse.Namespace) -> list[Shape]:
    """Items such that the bucket and `stretch` seconds of refill are used up."""
    preset = presets.get("moderation")
    text = call_tokens(preset.render("en"), preset.schema)
    output = preset.max_output_tokens if chosen.charge == "max" else preset.expected_output_tokens
    each = count_image(find_rule(MODEL), "high", *SIZE).tokens + text + output
    share = 1 + chosen.stretch / 60
    return [
        Shape("tokens", (OUT_OF_THE_WAY, chosen.tpm), math.ceil(share * chosen.tpm / each)),
        Shape("requests", (chosen.rpm, OUT_OF_THE_WAY), math.ceil(share * chosen.rpm)),
    ]


def _one(report: Report, shape: Shape, workers: int, charge: str) -> None:
    rpm, tpm = shape.limit
    limit = ("--limit", f"{MODEL}={rpm}/{tpm}", "--charge", charge)
    with (
        start("provider", "--key", "sk-test", "--latency", str(LATENCY), *limit) as provider,
        running(provider, workers=workers, limit=shape.limit) as service,
    ):
        asyncio.run(_saturate(report, shape, workers, service, provider))


async def _saturate(report: Report, shape: Shape, workers: int, service: Service, provider: FakeProcess) -> None:
    url = f"http://127.0.0.1/{SIZE[0]}x{SIZE[1]}/{{}}.jpg"
    async with Door(service) as door:
        await door.finished((await door.submit(manifest([url.format("warm")], SIZE)))["id"])
        await asyncio.sleep(3)  # Tessera's mirror of the bucket refills what that call took
        provider.post("/_/reset")
        with Meter(service.pids) as meter:
            started = time.monotonic()
            job = await door.submit(manifest((url.format(number) for number in range(shape.items)), SIZE))
            await door.finished(job["id"])
            seconds = time.monotonic() - started
    stats = provider.get("/_/stats")
    lane = stats["lanes"][0]
    minimum = _minimum(shape.limit, lane["calls"], lane["tokens"])
    group = f"{shape.name}, {workers} worker{'s' * (workers > 1)}"
    report.figures += [
        Figure(group, "took ÷ minimum", seconds / minimum, at_most=1.05),
        Figure(group, "took", seconds, "s"),
        Figure(group, "minimum", minimum, "s"),
        Figure(group, "items", shape.items),
        Figure(group, "refused calls (429)", stats["rate_limited"], at_most=0),
        Figure(group, "in flight, at most", stats["max_in_flight"]),
        Figure(group, "others", meter.others, "cores"),
    ]


def _minimum(limit: tuple[int, int], calls: int, tokens: int) -> float:
    rpm, tpm = limit
    return max((calls - rpm) * 60 / rpm, (tokens - tpm) * 60 / tpm, 0.0) + LATENCY
