"""Runs the two references for overhead: a bare loop, and Celery workers with a task for each image."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from benchmarks.references.naive import TASK
from benchmarks.references.request_bodies import bodies
from benchmarks.stack import processes
from benchmarks.stack.processes import Meter
from embedded.child import Child
from tests.fakes import ROOT, FakeProcess

IN_FLIGHT = 256
READY_SECONDS = 120.0


def bare(client: str, image: str, items: int, provider: FakeProcess) -> dict[str, float]:
    """`seconds` and `cpu_seconds` of a bare loop, by `aiohttp` or by the `sdk`."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.references.bare",
        "--client",
        client,
        "--base-url",
        f"{provider.url}/v1",
    ]
    flags = ["--image", image, "--items", str(items), "--in-flight", str(IN_FLIGHT)]
    done = subprocess.run([*command, *flags], cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=600)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@dataclass
class Naive:
    """Celery workers that make one call a task."""

    app: Celery
    pids: list[int]
    provider: FakeProcess

    def run(self, image: str, items: int, meter: Meter) -> float:
        """Send a task for each item; seconds from the first until the provider has answered the last call."""
        self.provider.post("/_/reset")
        with meter:
            started = time.time()
            for number in range(1, items + 1):
                self.app.send_task(TASK, args=[image.format(number)])
            _await(lambda: self._answered() >= items, 600)
        stats = self.provider.get("/_/stats")
        if stats["statuses"] != {"200": items}:
            raise RuntimeError(f"{items} tasks took calls that ended with {stats['statuses']}.")
        ended: float = stats["lanes"][0]["last_ended"]
        return ended - started

    def _answered(self) -> int:
        stats = self.provider.get("/_/stats")
        return int(stats["calls"]) - int(stats["in_flight"])

    def memory(self) -> list[float]:
        """The peak of each worker, with its children, in MB."""
        table = processes.table()
        return [
            sum(processes.memory(member.pid, "VmHWM") for member in processes.family(pid, table)) for pid in self.pids
        ]


@contextmanager
def naive(
    broker: str, image: str, provider: FakeProcess, *, workers: int, pool: str, concurrency: int
) -> Iterator[Naive]:
    """Start workers on this broker; all have made calls before the measurement."""
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        body = Path(folder) / "body.json"
        body.write_bytes(bodies(f"{provider.url}/v1", image, 1)[1][0])
        settings = {"NAIVE_BROKER": broker, "NAIVE_BASE_URL": f"{provider.url}/v1", "NAIVE_BODY": str(body)}
        children = [
            Child(
                f"naive{number}", _command(number, pool, concurrency), log=_say, env=os.environ | settings, folder=ROOT
            )
            for number in range(1, workers + 1)
        ]
        app = Celery("sender", broker=broker, set_as_current=False)
        try:
            for child in children:
                child.start()
            found = Naive(app, [child.pid for child in children if child.pid], provider)
            _warm(found, image, 4 * workers * concurrency)
            yield found
        finally:
            for child in children:
                child.quiet = True
                child.ask_to_stop()
            for child in children:
                if not child.wait(20):
                    child.kill()
            app.close()


def _command(number: int, pool: str, concurrency: int) -> list[str]:
    calm = ["-W", "ignore:::celery.platforms", "-m", "celery", "--quiet", "-A", "benchmarks.references.naive"]
    flags = ["-P", pool, "-c", str(concurrency), "-n", f"naive{number}@%h", "-l", "WARNING"]
    return [sys.executable, *calm, "worker", *flags]


def _warm(workers: Naive, image: str, tasks: int) -> None:
    """Wait until every worker has consumed from the queue, and let them work a little."""
    with workers.app.connection_for_read() as connection:
        _await(
            lambda: (
                len(workers.app.control.inspect(timeout=1, connection=connection).ping() or ()) >= len(workers.pids)
            ),
            READY_SECONDS,
        )
    workers.run(image, tasks, Meter({}))


def _await(ready: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"The Celery workers were not done after {seconds:.0f} s.")
        time.sleep(0.05)


def _say(name: str, line: str) -> None:
    sys.stderr.write(f"{name}: {line}\n")
