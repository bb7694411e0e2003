"""Items a second from end to end, CPU an item, the workers' memory; beside a bare loop that stores nothing."""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks import processes
from benchmarks.door import Door, manifest
from benchmarks.processes import Meter
from benchmarks.report import Figure, Report, middle
from benchmarks.service import Service, running
from tests.fakes import FakeProcess, start

LATENCY = 0.05
SIZE = (512, 512)
WARM_UP = 128
IN_FLIGHT = 256

VARIANTS = {
    "url": ("url", SIZE),
    "inline": ("inline", SIZE),
    "measured": ("inline", None),
}
"""How the provider gets images, and the size that the manifest tells: nothing is fetched; fetched; measured as well."""


@dataclass(frozen=True)
class Run:
    """One job."""

    seconds: float
    meter: Meter


def options(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--items", type=int, default=2_000, help="throughput: items of a job")
    parser.add_argument("--workers", type=int, default=2, help="throughput: worker processes")
    parser.add_argument("--runs", type=int, default=3, help="throughput: jobs of each variant")
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="throughput: image sources"
    )


def run(chosen: argparse.Namespace) -> Report:
    """All variants, each on a fresh service, and the reference between their runs."""
    title = f"Throughput: {chosen.items:,} items, {chosen.workers} workers, fake provider with {LATENCY * 1000:.0f} ms"
    report = Report("throughput", title)
    with (
        start("provider", "--key", "sk-test", "--latency", str(LATENCY)) as provider,
        start("image_host") as host,
    ):
        for variant in chosen.variants:
            asyncio.run(_variant(report, variant, chosen, provider, host))
        _reference(report, chosen, provider, host)
    report.notes.append("CPU ms are per item, of all processes of a kind together; others = cores busy with strangers.")
    return report


async def _variant(
    report: Report, variant: str, chosen: argparse.Namespace, provider: FakeProcess, host: FakeProcess
) -> None:
    images, size = VARIANTS[variant]
    with running(provider, workers=chosen.workers, images=images) as service:
        async with Door(service) as door:
            await _job(door, service, provider, host, WARM_UP, size)
            runs = [await _job(door, service, provider, host, chosen.items, size) for _ in range(chosen.runs)]
        peaks = [processes.memory(pid, "VmHWM") for pid in service.pids["worker"]]
    rates = [chosen.items / one.seconds for one in runs]
    report.figures.append(middle(variant, "end to end", rates, "items/s", at_least=200))
    for group in runs[0].meter.cpu:
        samples = [one.meter.cpu[group] * 1000 / chosen.items for one in runs]
        report.figures.append(middle(variant, f"CPU {group}", samples, "ms/item"))
    report.figures.append(middle(variant, "others", [one.meter.others for one in runs], "cores"))
    for number, peak in enumerate(peaks, 1):
        report.figures.append(Figure(variant, f"peak memory of worker {number}", peak, "MB", at_most=250))


async def _job(
    door: Door,
    service: Service,
    provider: FakeProcess,
    host: FakeProcess,
    items: int,
    size: tuple[int, int] | None,
) -> Run:
    """Submit a job and wait for its end; the fake's log is emptied first, so that its calls can be counted."""
    lines = manifest((_image(host).format(number) for number in range(1, items + 1)), size)
    provider.post("/_/reset")
    groups = service.pids | {"fakes": [provider.process.pid, host.process.pid]}
    with Meter(groups) as meter:
        started = time.monotonic()
        job = await door.submit(lines)
        await door.finished(job["id"])
        seconds = time.monotonic() - started
    calls = provider.get("/_/stats")["calls"]
    if calls != items:
        raise RuntimeError(f"{items} items took {calls} calls.")
    return Run(seconds, meter)


def _reference(report: Report, chosen: argparse.Namespace, provider: FakeProcess, host: FakeProcess) -> None:
    ours = {figure.group: figure.value for figure in report.figures if figure.name == "end to end"}
    for client in ("aiohttp", "sdk"):
        found = [_bare(client, chosen.items, provider, host) for _ in range(chosen.runs)]
        rates = [chosen.items / one["seconds"] for one in found]
        group = f"bare loop, {client}"
        report.figures.append(middle(group, "one process, stores nothing", rates, "calls/s"))
        cpu = [one["cpu_seconds"] * 1000 / chosen.items for one in found]
        report.figures.append(middle(group, "CPU", cpu, "ms/call"))
        if "url" in ours:
            ratio = ours["url"] / report.figures[-2].value
            report.figures.append(Figure(group, "Tessera's url rate ÷ this", ratio))


def _bare(client: str, items: int, provider: FakeProcess, host: FakeProcess) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.bare", "--client", client, "--base-url", f"{provider.url}/v1"]
    flags = ["--image", _image(host), "--items", str(items), "--in-flight", str(IN_FLIGHT)]
    done = subprocess.run([*command, *flags], capture_output=True, check=True, timeout=300)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _image(host: FakeProcess) -> str:
    return f"{host.url}/{SIZE[0]}x{SIZE[1]}/{{}}.jpg"
