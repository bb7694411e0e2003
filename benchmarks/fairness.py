"""A small job that arrives while a huge one uses the lane: time until its first result, and until it is done."""

import argparse
import asyncio
import time
from dataclasses import dataclass

from benchmarks.figures.figure import Figure, median_figure
from benchmarks.figures.report import Report
from benchmarks.stack.client import ApiClient, sized
from benchmarks.stack.limited_lane import DETAIL, LIMITED, SMALL, Limit, charge, lane_totals, limited, prepare
from benchmarks.stack.processes import Meter
from benchmarks.stack.service import Service
from tests.fakes import FakeProcess

LATENCY = 0.3
HUGE, FEW = 20_000, 20
UNDER_WAY = 10.0
"""Seconds that the huge job runs before the first small one; a third of them passes before each small one."""
GOAL_FIRST, GOAL_DONE = 3.0, 1.3
PRIORITIES = {"same priority": 0, "higher priority": 10}


@dataclass(frozen=True)
class Small:
    """Seconds from the POST until the first result was stored, and until the job ended."""

    first: float
    done: float


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--rates", type=int, nargs="+", default=[10, 40], help="fairness: calls/s that the lane allows")
    parser.add_argument("--times", type=int, default=3, help="fairness: small jobs of each kind")


def run(chosen: argparse.Namespace) -> Report:
    """Small jobs one after the other, all inside one huge job, on lanes of different speed."""
    report = Report("fairness", f"Fairness: {FEW} items inside a job of {HUGE:,}, one limited lane, 2 workers")
    each = charge(SMALL, "usage")
    for rate in chosen.rates:
        limit = Limit(0, round(60 * rate * each))
        with limited(limit, 2, "--latency", str(LATENCY)) as (service, provider):
            asyncio.run(_measure(report, rate, chosen.times, limit, service, provider))
    report.notes += [
        "Fair share: half the lane while both jobs run, so (tokens of the small job) ÷ (refill / 2) + one latency.",
        "The bucket is empty from the start: what is measured is the paced lane, and not the first burst.",
    ]
    return report


async def _measure(
    report: Report, rate: int, times: int, limit: Limit, service: Service, provider: FakeProcess
) -> None:
    async with ApiClient(service) as client:
        await prepare("empty", client, provider, workers=2)
        huge = await client.submit(sized([SMALL] * HUGE), model=LIMITED, detail=DETAIL)
        await asyncio.sleep(UNDER_WAY)
        before = lane_totals(provider)
        with Meter(service.pids | {"provider": [provider.process.pid]}) as meter:
            found = {name: await _some(client, service, priority, times) for name, priority in PRIORITIES.items()}
        after = lane_totals(provider)
        await client.cancel(huge["id"])
    each = (after.tokens - before.tokens) / (after.calls - before.calls)
    for name, jobs in found.items():
        report.figures += _figures(f"{rate} calls/s, {name}", jobs, limit.least_seconds(0, FEW * each))
    whole, used = f"{rate} calls/s", limit.least_seconds(0, after.tokens - before.tokens) / meter.seconds
    report.figures += [
        Figure(whole, "lane used meanwhile", 100 * used, "%"),
        Figure(whole, "refused calls (429)", after.refused, at_most=0),
        Figure(whole, "others", meter.others, "cores"),
    ]


async def _some(client: ApiClient, service: Service, priority: int, times: int) -> list[Small]:
    return [await _small(client, service, priority) for _ in range(times)]


async def _small(client: ApiClient, service: Service, priority: int) -> Small:
    await asyncio.sleep(UNDER_WAY / 3)
    sent = time.time()
    job = await client.submit(sized([SMALL] * FEW), model=LIMITED, detail=DETAIL, priority=priority)
    await client.finished(job["id"])
    first, finished = service.instants(job["id"])
    return Small(first - sent, finished - sent)


def _figures(group: str, jobs: list[Small], alone: float) -> list[Figure]:
    """`alone`: seconds that the lane would need for nothing but the small job."""
    share = 2 * alone + LATENCY
    done = [job.done for job in jobs]
    return [
        median_figure(group, "POST → first result", [job.first for job in jobs], "s", at_most=GOAL_FIRST),
        median_figure(group, "POST → done", done, "s"),
        Figure(group, "fair share", share, "s"),
        median_figure(group, "done ÷ fair share", [one / share for one in done], at_most=GOAL_DONE),
        median_figure(group, "done ÷ what the lane alone takes", [one / (alone + LATENCY) for one in done]),
    ]
