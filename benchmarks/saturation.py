"""How close a job on one limited lane comes to the limit, and whether calls are refused (429)."""

import argparse
import asyncio
import math
import random
import sys
from dataclasses import replace

from benchmarks.figures.figure import Figure
from benchmarks.figures.report import Report
from benchmarks.stack.client import ApiClient, sized
from benchmarks.stack.limited_lane import (
    DETAIL,
    LIMITED,
    SMALL,
    LaneTotals,
    Level,
    Limit,
    charge,
    lane_totals,
    level,
    limited,
    others,
    prepare,
    share,
)
from benchmarks.stack.processes import Meter
from benchmarks.stack.saturation_cases import EACH_ONCE, OTHERS, Case, every
from benchmarks.stack.service import Service
from tests.fakes import FakeProcess

LATENCY, JITTER = 0.3, 0.2
MIXED = [SMALL] * 4 + [(1024, 1024)] * 3 + [(2048, 1536)] * 2 + [(4096, 3072)]
"""Calls of 1,700 to 16,000 tokens."""
PART = 0.3
"""The part of the limit that others take, in bursts of 20 calls every two seconds."""
GOAL, GOAL_BESIDE = 1.003, 1 / 0.985
REFUSED_BESIDE = 10


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--stretch", type=float, default=110.0, help="saturation: least seconds that a job must take")
    parser.add_argument("--tpm", type=int, default=4_000_000, help="saturation: tokens per minute")
    parser.add_argument("--rpm", type=int, default=1_500, help="saturation: requests per minute")
    parser.add_argument(
        "--case",
        type=Case.parse,
        action="append",
        help=f"saturation: only this one, such as {EACH_ONCE[3]}; may be repeated",
    )
    parser.add_argument("--full", action="store_true", help=f"saturation: all {len(every())} combinations, for hours")


def run(chosen: argparse.Namespace) -> Report:
    """One fresh service for each case, so that nothing is known of its lane."""
    cases = chosen.case or (every() if chosen.full else EACH_ONCE)
    title = f"Saturation: one job on one limited lane, {chosen.stretch:.0f} s at the least, latency {LATENCY} s"
    report = Report("saturation", title, across=True)
    report.notes += [
        "A row: worker processes / images / what the provider charges / latency / bucket at the start (/ its headers).",
        "Minimum = (charged - level at the start) ÷ refill + one latency; took = POST sent → finished_at.",
        "Others: somebody else takes 30 % in bursts; charged, used and minimum are theirs and ours together.",
        "Inside = first call admitted → last one answered; used = of what the bucket gave until the last.",
        f"Jittered: ± {JITTER} s. 429: calls sent before the provider's bucket had refilled.",
    ]
    for number, case in enumerate(cases, 1):
        sys.stderr.write(f"saturation: {number} of {len(cases)}, {case}\n")
        _one(report, chosen, case)
        report.save()  # hours may follow
    return report


def _one(report: Report, chosen: argparse.Namespace, case: Case) -> None:
    limit = Limit(chosen.rpm, 0) if case.shape == "requests" else Limit(0, chosen.tpm)
    jitter = JITTER if case.latency == "jittered" else 0.0
    fake = ("--charge", case.charge, "--latency", LATENCY, "--jitter", jitter, "--remaining", case.remaining)
    with limited(limit, case.workers, *map(str, fake)) as (service, provider):
        asyncio.run(_saturate(report, chosen.stretch, case, limit, service, provider))


async def _saturate(
    report: Report, stretch: float, case: Case, limit: Limit, service: Service, provider: FakeProcess
) -> None:
    async with ApiClient(service) as client:
        sizes = _sizes(case, limit, stretch)
        lines = sized(sizes)
        await prepare(case.start, client, provider, case.workers)
        with Meter(service.pids | {"provider": [provider.process.pid]}) as meter:
            begun = level(provider, limit, case.start)
            if case.others == "others":
                provider.post("/_/stranger", {"model": LIMITED, "part": PART})
            job = await client.submit(lines, model=LIMITED, detail=DETAIL)
            await client.finished(job["id"], 5 * stretch + 60)
    _, finished = service.instants(job["id"])
    found = lane_totals(provider)
    beside = others(provider, found.last_admitted)
    report.figures += _figures(case, limit, begun, replace(found, tokens=found.tokens + beside), finished)
    report.figures.append(Figure(str(case), "items", len(sizes)))
    report.figures.append(Figure(str(case), "others", meter.others, "cores", digits=2))
    more = {"cpu_seconds": meter.cpu, "max_in_flight": found.max_in_flight, "seconds": found.seconds}
    report.data[str(case)] = {"calls": found.calls, "tokens": found.tokens, **more}


def _sizes(case: Case, limit: Limit, stretch: float) -> list[tuple[int, int]]:
    """Images that use up what the bucket holds and `stretch` seconds of refill."""
    minutes = share(case.start) + stretch / 60 * (1 if case.others == OTHERS[0] else 1 - PART)
    if case.shape == "requests":
        return [SMALL] * math.ceil(minutes * limit.rpm)
    generator = random.Random(1)
    sizes, left = [], minutes * limit.tpm
    while left > 0:
        sizes.append(generator.choice(MIXED) if case.shape == "mixed" else SMALL)
        left -= charge(sizes[-1], case.charge)
    return sizes


def _figures(case: Case, limit: Limit, begun: Level, found: LaneTotals, finished: float) -> list[Figure]:
    group, alone = str(case), case.others == OTHERS[0]
    minimum = limit.least_seconds(found.calls - begun.requests, found.tokens - begun.tokens) + LATENCY
    inside = found.last_ended - found.first_admitted
    return [
        Figure(
            group, "took ÷ minimum", (finished - begun.at) / minimum, at_most=GOAL if alone else GOAL_BESIDE, digits=4
        ),
        Figure(group, "inside ÷ minimum", inside / minimum, digits=4),
        Figure(group, "429", found.refused, at_most=0 if alone else REFUSED_BESIDE),
        Figure(group, "used", 100 * _used(limit, begun, found), "%", digits=1),
        Figure(group, "minimum", minimum, "s", digits=1),
        Figure(group, "first call after", 1000 * (found.first_admitted - begun.at), "ms", digits=0),
        Figure(group, "end after", 1000 * (finished - found.last_ended), "ms", digits=0),
    ]


def _used(limit: Limit, begun: Level, found: LaneTotals) -> float:
    """Which share of what the bucket offered had been taken when the last call was admitted."""
    minutes = (found.last_admitted - begun.at) / 60
    if limit.rpm:
        return found.calls / (begun.requests + minutes * limit.rpm)
    return found.tokens / (begun.tokens + minutes * limit.tpm)
