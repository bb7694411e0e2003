"""CPU of a job of two steps beside two jobs that ask the same questions, one after the other."""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from benchmarks.figures.figure import median_figure
from benchmarks.figures.report import Report
from benchmarks.stack.processes import Meter
from benchmarks.stack.service import KEY, MODEL, PRESET, Service, running
from tests.fakes import start
from vision import intake
from vision.files.folder import Folder
from vision.intake import IntakeContext, Order
from vision.intake.order import StepOrder
from vision.jobs.conditions import Json
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider import catalogue
from vision.storage.engine import connect

GOAL_TIMES = 1.3
LATENCY = 0.05
SIZE = 512
WARM_UP = 256
OURS = ("worker", "postgres", "valkey")
ONE = Order(model=f"fake/{MODEL}", preset=PRESET)
TWO = Order(steps=tuple(StepOrder(name=name, model=f"fake/{MODEL}", preset=PRESET) for name in ("first", "second")))


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--step-items", type=int, default=2_000, help="steps: items of a job")
    parser.add_argument("--step-rounds", type=int, default=3, help="steps: rounds")


def run(chosen: argparse.Namespace) -> Report:
    """In each round one job of two steps, which every item takes, and two jobs of one."""
    title = f"Steps: {chosen.step_items:,} items, 2 workers, fake provider with {LATENCY * 1000:.0f} ms"
    report = Report("steps", title)
    with (
        start("provider", "--key", KEY, "--latency", str(LATENCY)) as provider,
        start("image_host") as host,
        running(provider, workers=2) as service,
    ):
        image = f"{host.url}/{SIZE}x{SIZE}/{{}}.jpg"
        rounds = asyncio.run(_rounds(service, image, chosen.step_items, chosen.step_rounds))
        calls = provider.get("/_/stats")["calls"]
    assert calls == 2 * WARM_UP + 4 * chosen.step_rounds * chosen.step_items, calls
    stepped, apart = zip(*rounds, strict=True)
    report.figures += [
        median_figure("one job of two steps", "worker + database + broker", stepped, "ms/item"),
        median_figure("two jobs of one step", "worker + database + broker", apart, "ms/item"),
        median_figure("compared", "one job ÷ two jobs", [a / b for a, b in rounds], at_most=GOAL_TIMES),
    ]
    report.notes.append("Jobs are submitted past the API, which does not take steps yet. CPU of both calls of an item.")
    return report


async def _rounds(service: Service, image: str, items: int, rounds: int) -> list[tuple[float, float]]:
    """CPU of an item in milliseconds: by a job of two steps, and by two jobs."""
    lines = [{"image": image.format(number), "width": SIZE, "height": SIZE} for number in range(items)]
    async with _context(service) as context:
        await _cpu(service, context, [TWO], lines[:WARM_UP])
        return [
            (await _cpu(service, context, [TWO], lines), await _cpu(service, context, [ONE, ONE], lines))
            for _ in range(rounds)
        ]


@asynccontextmanager
async def _context(service: Service) -> AsyncIterator[IntakeContext]:
    folder = service.log.parent
    context = IntakeContext(
        connect(service.database_url, application="benchmark"),
        catalogue.load(folder / "providers.toml"),
        WakeUps(service.redis_url),
        Guard(True),
        Folder(folder / "data" / "files"),
    )
    yield context
    await context.wake_ups.close()
    await context.engine.dispose()


async def _cpu(service: Service, context: IntakeContext, orders: list[Order], lines: list[Json]) -> float:
    with Meter(service.pids) as meter:
        for order in orders:
            receipt = await intake.submit(context, "default", order, lines)
            await asyncio.to_thread(_wait, service, receipt.job_id, len(lines))
    return sum(meter.cpu[group] for group in OURS) * 1000 / len(lines)


def _wait(service: Service, job_id: UUID, items: int) -> None:
    """Until the job's end; every item must have succeeded."""
    while True:
        [(ended, succeeded)] = service.rows("SELECT finished_at IS NOT NULL, succeeded FROM jobs WHERE id = %s", job_id)
        if ended and succeeded != items:
            raise RuntimeError(f"{succeeded} of {items} items succeeded.")
        if ended:
            return
        time.sleep(0.2)
