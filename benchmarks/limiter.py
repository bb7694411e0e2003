"""Reservations a second against a local Valkey, one at a time and in batches."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures.figure import median_figure
from benchmarks.figures.report import Report
from benchmarks.stack.processes import Meter
from embedded.data_dir.lock import DataLock
from embedded.servers import Servers
from vision.limiter import Demand, Limiter, Settlement, connect
from vision.provider.limits import Limit

LIMIT = Limit(rpm=1_000_000_000, tpm=1_000_000_000)
RUNS = 3
KINDS = {
    "one client": (1, 1),
    "one client, batches of 32": (1, 32),
    "8 clients": (8, 1),
    "8 clients, batches of 32": (8, 32),
}
"""Number of concurrent clients, and calls that each reserves at once."""


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--seconds", type=float, default=2.0, help="limiter: length of a run")


def run(chosen: argparse.Namespace) -> Report:
    """Each kind three times, on one lane with a limit that is never reached."""
    report = Report("limiter", f"Limiter: reservations a second on one lane, runs of {chosen.seconds} s")
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with DataLock(folder) as lock, Servers(folder, _say, lock.descriptor, postgres=False) as servers:
            pid = next(child.pid for child in servers.children if child.pid)
            asyncio.run(_measure(report, chosen.seconds, str(servers.redis_url), pid))
    report.notes.append("One limiter asks one question at a time: eight clients of it are as fast as one.")
    return report


async def _measure(report: Report, seconds: float, redis_url: str, pid: int) -> None:
    async with connect(redis_url) as redis:
        limiter = Limiter(redis)
        for kind, (clients, batch) in KINDS.items():
            goal = {"at_least": 3_000.0 if batch == 1 else 30_000.0} if clients == 1 else {}
            runs = [await _reserve(limiter, clients, batch, seconds, pid) for _ in range(RUNS)]
            report.figures.append(median_figure(kind, "reservations", [rate for rate, _ in runs], "1/s", **goal))
            for name in ("valkey", "benchmark"):
                cpu = [meter.cpu[name] * 1e6 / (rate * meter.seconds) for rate, meter in runs]
                report.figures.append(median_figure(kind, f"CPU {name}", cpu, "µs each"))
            report.figures.append(median_figure(kind, "others", [meter.others for _, meter in runs], "cores"))
        settled = [await _settle(limiter, seconds) for _ in range(RUNS)]
        report.figures.append(median_figure("one client", "settlements", settled, "1/s"))


async def _reserve(limiter: Limiter, clients: int, batch: int, seconds: float, pid: int) -> tuple[float, Meter]:
    calls, end = [Demand(1, 1)] * batch, time.monotonic() + seconds

    async def client() -> int:
        count = 0
        while time.monotonic() < end:
            count += len((await limiter.reserve("bench/lane", LIMIT, calls)).slots)
        return count

    with Meter({"valkey": [pid]}) as meter:
        counts = await asyncio.gather(*[client() for _ in range(clients)])
    return sum(counts) / meter.seconds, meter


async def _settle(limiter: Limiter, seconds: float) -> float:
    count, started = 0, time.monotonic()
    while time.monotonic() < started + seconds:
        await limiter.settle("bench/lane", LIMIT, Settlement(tokens_used=1, calls=1))
        count += 1
    return count / (time.monotonic() - started)


def _say(name: str, line: str) -> None:
    if "warning" in line.lower():
        sys.stderr.write(f"{name}: {line}\n")
