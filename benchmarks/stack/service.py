"""Runs the real service (`tessera up`) against a fake provider for as long as a benchmark runs."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.stack import processes
from embedded import readiness
from embedded.data_dir import running as running_service
from tests.fakes import FakeProcess

MODEL, PRESET, KEY = "gpt-4o-mini", "moderation", "sk-test"
UNLIMITED = 1_000_000_000
GROUPS = {"worker": "celery", "api": "-m api", "postgres": "postgres", "valkey": "valkey-server"}
"""Name of a group → a word in the commands of its processes."""
Limits = Mapping[str, tuple[int, int]]
"""Model → requests and tokens per minute."""


@dataclass(frozen=True)
class Service:
    """A running `tessera up`."""

    pid: int
    url: str
    key: str
    database_url: str
    redis_url: str
    pids: dict[str, list[int]]
    log: Path

    @property
    def address(self) -> str:
        """The database's, as drivers and command lines take it."""
        return self.database_url.replace("+psycopg", "", 1)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Query the database, as the API has times in whole seconds only."""
        with psycopg.connect(self.address) as connection:
            return connection.execute(statement, values).fetchall()

    def instants(self, job_id: str) -> tuple[float, float]:
        """When a job's first result was stored and when it ended (epoch seconds)."""
        [(first, last)] = self.rows(
            "SELECT extract(epoch FROM min(r.finished_at))::float8, extract(epoch FROM j.finished_at)::float8"
            " FROM jobs j JOIN results r ON r.job_id = j.id WHERE j.id = %s::uuid GROUP BY j.id",
            job_id.partition("_")[2],
        )
        return first, last


@contextmanager
def running(
    provider: FakeProcess, *, workers: int, images: str = "url", limits: Limits | None = None
) -> Iterator[Service]:
    """Start it with a lane `fake/<model>` for each of `limits`, or one without; wait until it is ready."""
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root, the servers run as nobody and must get in
        write_providers(folder, f"{provider.url}/v1", images, limits or {MODEL: (UNLIMITED, UNLIMITED)})
        process = _start(folder, workers)
        try:
            yield _ready(process, folder, workers)
        finally:
            _stop(process, folder)


def write_providers(folder: Path, base_url: str, images: str, limits: Limits) -> Path:
    """A providers.toml in this folder; its key is FAKE_KEY in the environment."""
    head = f'[[provider]]\nname = "fake"\nbase_url = "{base_url}"\napi_key_env = "FAKE_KEY"\nimages = "{images}"\n'
    models = [f'[provider.models."{model}"]\nrpm = {rpm}\ntpm = {tpm}\n' for model, (rpm, tpm) in limits.items()]
    path = folder / "providers.toml"
    path.write_text(head + "".join(models))
    return path


def _start(folder: Path, workers: int) -> "subprocess.Popen[bytes]":
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(("TESSERA_", "OPENAI_"))}
    ours = {
        "TESSERA_DATA_DIR": str(folder / "data"),
        "TESSERA_LOCAL_PROVIDER": "false",
        "TESSERA_ALLOW_PRIVATE_NETWORKS": "true",
        "FAKE_KEY": KEY,
    }
    command = [sys.executable, "-m", "cli.main", "up", "--port", "0", "--workers", str(workers)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, env=theirs | ours, cwd=folder, stdout=log, stderr=log)


def _ready(process: "subprocess.Popen[bytes]", folder: Path, workers: int) -> Service:
    deadline = time.monotonic() + 90
    while not (found := running_service.read(folder / "data")) or readiness.check("127.0.0.1", _port(found.url)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The service did not start. It said:\n{(folder / 'log').read_text()[-3000:]}")
        time.sleep(0.1)
    everybody = processes.table()
    children = [one for one in everybody.values() if one.parent == process.pid]
    pids = {group: [one.pid for one in children if word in one.command] for group, word in GROUPS.items()}
    assert len(pids["worker"]) == workers, pids
    key = (folder / "data" / "admin_key").read_text().strip()
    return Service(process.pid, found.url, key, str(found.database_url), str(found.redis_url), pids, folder / "log")


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _stop(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Stop it; print warnings and errors of its log, because an unnoticed error spoils the figures."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()  # its children are tied to it
        process.wait()
    lines = (folder / "log").read_text().splitlines()
    problems = [line for line in lines if any(word in line for word in (" WARNING ", " ERROR ", "Traceback", "Error:"))]
    for line in problems[:20]:
        sys.stderr.write(f"service: {line}\n")
    if len(problems) > 20:
        sys.stderr.write(f"service: … and {len(problems) - 20} such lines more\n")
    shutil.rmtree(folder / "data", ignore_errors=True)
