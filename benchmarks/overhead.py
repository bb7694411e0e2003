"""CPU of each kind of process for an item, items a second, memory; compared with programs that store nothing."""

import argparse
import asyncio
import time
from dataclasses import dataclass

from benchmarks.figures.overhead import GOAL_TIMES, Rounds, Run, show_bare, show_celery, show_ours
from benchmarks.figures.report import Report
from benchmarks.references import peers
from benchmarks.references.peers import Naive
from benchmarks.stack import processes
from benchmarks.stack.client import ApiClient, Size, manifest
from benchmarks.stack.processes import Meter
from benchmarks.stack.service import KEY, Service, running
from tests.fakes import FakeProcess, start

LATENCY = 0.05
SIZE = (512, 512)
WARM_UP = 256
CONCURRENCY = {"threads": 64, "prefork": 16}
"""Calls at a time in each naive worker."""
OTHER_WAYS = {"inline": ("inline", SIZE), "measured": ("inline", None)}
"""How the provider gets images, and their size in the manifest (None: measured)."""


@dataclass(frozen=True)
class Outside:
    """The fakes; `image` is an address with {} for a number."""

    provider: FakeProcess
    host: FakeProcess

    @property
    def image(self) -> str:
        return f"{self.host.url}/{SIZE[0]}x{SIZE[1]}/{{}}.jpg"

    @property
    def pids(self) -> dict[str, list[int]]:
        return {"fakes": [self.provider.process.pid, self.host.process.pid]}


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--items", type=int, default=3_000, help="overhead: items of a job")
    parser.add_argument("--workers", type=int, default=2, help="overhead: worker processes, ours and naive ones")
    parser.add_argument("--rounds", type=int, default=3, help="overhead: jobs by each means")
    parser.add_argument("--pool", choices=CONCURRENCY, default="threads", help="overhead: of the naive workers")
    parser.add_argument(
        "--ways", nargs="*", choices=OTHER_WAYS, default=list(OTHER_WAYS), help="overhead: besides URLs"
    )


def run(chosen: argparse.Namespace) -> Report:
    """Rounds by URL with their references; then other ways to send images."""
    title = f"Overhead: {chosen.items:,} items, {chosen.workers} workers, fake provider with {LATENCY * 1000:.0f} ms"
    report = Report("overhead", title)
    with start("provider", "--key", KEY, "--latency", str(LATENCY)) as provider, start("image_host") as host:
        outside = Outside(provider, host)
        rounds = _rounds(chosen, outside)
        show_ours(report, "by URL", rounds.tessera, rounds.memory, goals=True)
        show_bare(report, "a bare loop, aiohttp", rounds.tessera, rounds.aiohttp, goal=GOAL_TIMES)
        show_bare(report, "a bare loop, the SDK", rounds.tessera, rounds.sdk)
        pool = f"{chosen.pool} {CONCURRENCY[chosen.pool]}"
        show_celery(report, f"a Celery task an image, {pool}", rounds)
        for way in chosen.ways:
            _other(report, way, chosen, outside)
    report.notes += [
        "CPU: milliseconds an item, of all processes of a kind together. Others: cores busy with other programs.",
        "Ratios are of the same round. A bare loop is one process; naive workers are as many as ours.",
    ]
    return report


def _rounds(chosen: argparse.Namespace, outside: Outside) -> Rounds:
    rounds, provider, image = Rounds(), outside.provider, outside.image
    pool = {"workers": chosen.workers, "pool": chosen.pool, "concurrency": CONCURRENCY[chosen.pool]}
    with running(provider, workers=chosen.workers) as service:
        broker = f"{service.redis_url.rpartition('/')[0]}/1"
        asyncio.run(_job(service, outside, WARM_UP, SIZE))
        with peers.naive(broker, image, provider, **pool) as naive:
            for _ in range(chosen.rounds):
                rounds.tessera.append(asyncio.run(_job(service, outside, chosen.items, SIZE)))
                for client, found in (("aiohttp", rounds.aiohttp), ("sdk", rounds.sdk)):
                    measured = peers.bare(client, image, chosen.items, provider)
                    found.append(Run(chosen.items, measured["seconds"], {"loop": measured["cpu_seconds"]}))
                rounds.celery.append(_celery(naive, service, outside, chosen.items))
            rounds.celery_memory = naive.memory()
        rounds.memory = _peaks(service)
    return rounds


def _other(report: Report, way: str, chosen: argparse.Namespace, outside: Outside) -> None:
    images, size = OTHER_WAYS[way]
    with running(outside.provider, workers=chosen.workers, images=images) as service:
        asyncio.run(_job(service, outside, WARM_UP, size))
        found = asyncio.run(_job(service, outside, chosen.items, size))
        show_ours(report, way, [found], _peaks(service), goals=False)


async def _job(service: Service, outside: Outside, items: int, size: Size | None) -> Run:
    """From the POST to the job's end, as the database says it."""
    lines = manifest((outside.image.format(number) for number in range(1, items + 1)), size)
    outside.provider.post("/_/reset")
    async with ApiClient(service) as client:
        with Meter(service.pids | outside.pids) as meter:
            started = time.time()
            job = await client.submit(lines)
            await client.finished(job["id"])
    calls = outside.provider.get("/_/stats")["calls"]
    if calls != items:
        raise RuntimeError(f"{items} items took {calls} calls.")
    return Run(items, service.instants(job["id"])[1] - started, meter.cpu, meter.others)


def _celery(naive: Naive, service: Service, outside: Outside, items: int) -> Run:
    idle = [pid for group in ("worker", "api", "postgres") for pid in service.pids[group]]
    groups = {"worker": naive.pids, "valkey": service.pids["valkey"], "idle": idle, **outside.pids}
    meter = Meter(groups)
    seconds = naive.run(outside.image, items, meter)
    return Run(items, seconds, meter.cpu, meter.others)


def _peaks(service: Service) -> list[float]:
    return [processes.memory(pid, "VmHWM") for pid in service.pids["worker"]]
