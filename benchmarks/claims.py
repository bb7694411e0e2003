"""Whether claims take longer from a long table: one of 5,000 items and one of 5,000,000."""

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.figures.figure import Figure, median_figure
from benchmarks.figures.report import Report
from benchmarks.stack.client import ApiClient, manifest
from benchmarks.stack.processes import Meter
from benchmarks.stack.service import KEY, MODEL, UNLIMITED, Service, running
from tests.fakes import start
from vision.jobs.lifecycle import Phase
from vision.storage.engine import connect
from vision.storage.queue import claims
from vision.storage.queue.leases import Lessee

FEW = 5_000
OTHER = "gpt-4o"
LANES = {MODEL: (UNLIMITED, UNLIMITED), OTHER: (UNLIMITED, UNLIMITED)}
WANT, CLAIMS, WARM_UP = 32, 130, 20
"""Items of a claim (a dispatcher takes up to 128 on a fast lane, fewer on a slow one), and claims of each kind."""
LONGEST, LEAST = 120.0, 5
"""Seconds after which no more claims are made, once each kind has been measured LEAST times."""
GOAL = 1.3


_MULTIPLY = """
    INSERT INTO items (job_id, number, tenant_id, custom_id, images, metadata, width, height, image_tokens)
    SELECT i.job_id, n, i.tenant_id, 'item-' || n,
           ARRAY['https://images.example.com/catalogue/2026/' || n || '/front.jpg'],
           i.metadata, i.width, i.height, i.image_tokens
    FROM items i CROSS JOIN generate_series(2, %(items)s) n WHERE i.job_id = ANY(%(jobs)s) AND i.number = 1
"""
_MIDDLE = """
    UPDATE ranges SET start = 1 + %(items)s / 2 - %(needed)s / 2, stop = %(items)s + 1 WHERE job_id = ANY(%(jobs)s)
"""
_RUNNING = """
    UPDATE jobs SET total = %(items)s, status = 'running', status_code = 'working', started_at = now()
    WHERE id = ANY(%(jobs)s)
"""


@dataclass(frozen=True)
class Kind:
    """A lane to claim from, and the milliseconds that each claim took for an item."""

    name: str
    lane: str
    engine: AsyncEngine
    each: list[float] = field(default_factory=list)


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--table", type=int, default=5_000_000, help="claims: items in the long table")


def run(chosen: argparse.Namespace) -> Report:
    """Two services, one with few items and one with many: half of these in one job, half in jobs of 5,000."""
    report = Report("claims", f"Claims: {WANT} items at a time, from a table of {FEW:,} and one of {chosen.table:,}")
    with (
        start("provider", "--key", KEY) as provider,
        running(provider, workers=0, limits=LANES) as short,
        running(provider, workers=0, limits=LANES) as long,
    ):
        asyncio.run(_measure(report, chosen.table, short, long))
    report.notes += [
        "vision.storage.queue.claims.claim, as workers call it; the kinds take turns, so noise meets them alike.",
        "Leases are kept, and nothing is given back: claims of each kind go on where the last one ended.",
    ]
    return report


async def _measure(report: Report, table: int, short: Service, long: Service) -> None:
    jobs = table // 2 // FEW
    started = time.monotonic()
    await _fill(short, MODEL, 1, FEW)
    await _fill(long, MODEL, 1, table - jobs * FEW)
    await _fill(long, OTHER, jobs, FEW)
    seconds = time.monotonic() - started
    engines = {"short": connect(short.database_url), "long": connect(long.database_url)}
    kinds = [
        Kind(f"{FEW:,} items, one job", f"fake/{MODEL}", engines["short"]),
        Kind(f"{table:,} items, the job of {table - jobs * FEW:,}", f"fake/{MODEL}", engines["long"]),
        Kind(f"{table:,} items, the {jobs} jobs of {FEW:,}", f"fake/{OTHER}", engines["long"]),
    ]
    with Meter({name: [pid] for name, pid in (("short", short.pid), ("long", long.pid))}) as meter:
        await _take_turns(kinds)
    for engine in engines.values():
        await engine.dispose()
    _show(report, kinds)
    made = Figure("both tables", "made in", seconds, "s")
    report.figures += [made, Figure("both tables", "others", meter.others, "cores")]


async def _fill(service: Service, model: str, jobs: int, items: int) -> None:
    """Submit jobs of one item; insert their other items into the table, the first half as done."""
    async with ApiClient(service) as client:
        lines = manifest(["https://images.example.com/front.jpg"], (1024, 768))
        found = [UUID((await client.submit(lines, model=model))["id"].partition("_")[2]) for _ in range(jobs)]
    values = {"jobs": found, "items": items, "needed": min(items, CLAIMS * WANT) if jobs == 1 else 0}
    with psycopg.connect(service.address, autocommit=True) as connection:
        for statement in (_MULTIPLY, _MIDDLE, _RUNNING):
            connection.execute(statement, values)
        connection.execute("VACUUM ANALYZE")  # autovacuum would do it later
        connection.execute("CHECKPOINT")


async def _take_turns(kinds: list[Kind]) -> None:
    deadline = time.monotonic() + LONGEST
    for number in range(CLAIMS):
        if number >= WARM_UP + LEAST and time.monotonic() > deadline:
            break
        for kind in kinds:
            each = await _claim(kind)
            if number >= WARM_UP:
                kind.each.append(each)


async def _claim(kind: Kind) -> float:
    """Milliseconds an item."""
    started = time.perf_counter()
    claimed = await claims.claim(kind.engine, kind.lane, WANT, phase=Phase.CALL, lessee=Lessee("benchmark", 3_600))
    taken = time.perf_counter() - started
    if len(claimed) != WANT:
        raise RuntimeError(f"{kind.name}: a claim of {WANT} items got {len(claimed)}.")
    return 1000 * taken / WANT


def _show(report: Report, kinds: list[Kind]) -> None:
    few, *many = [median_figure(kind.name, "claim", kind.each, "ms/item", digits=3) for kind in kinds]
    report.figures.append(few)
    for figure in many:
        ratio = figure.value / few.value
        report.figures += [figure, Figure(figure.group, "÷ that of the short table", ratio, at_most=GOAL, digits=2)]
