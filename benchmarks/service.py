"""The real service as a newcomer starts it (`tessera up`), against a fake provider; gone when the benchmark is."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import processes
from embedded import notice, readiness
from tests.fakes import FakeProcess

MODEL = "gpt-4o-mini"
UNLIMITED = 1_000_000_000
GROUPS = {"worker": "celery", "api": "uvicorn", "postgres": "postgres", "valkey": "valkey-server"}
"""Name of a group, and the word by which its processes' commands are known."""


@dataclass(frozen=True)
class Service:
    """A running `tessera up`."""

    pid: int
    url: str
    key: str
    database_url: str
    pids: dict[str, list[int]]
    log: Path

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database says, past the API: for instants that the API tells in whole seconds."""
        with psycopg.connect(self.database_url.replace("+psycopg", "", 1)) as connection:
            return connection.execute(statement).fetchall()


@contextmanager
def running(
    provider: FakeProcess, *, workers: int, images: str = "url", limit: tuple[int, int] | None = None
) -> Iterator[Service]:
    """Start it with one lane, `fake/gpt-4o-mini`, of `limit` (rpm, tpm); wait until it is ready."""
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root, the servers run as nobody and must get in
        _write_providers(folder, provider, images, limit or (UNLIMITED, UNLIMITED))
        process = _start(folder, workers)
        try:
            yield _ready(process, folder, workers)
        finally:
            _stop(process, folder)


def _write_providers(folder: Path, provider: FakeProcess, images: str, limit: tuple[int, int]) -> None:
    rpm, tpm = limit
    (folder / "providers.toml").write_text(
        f'[[provider]]\nname = "fake"\nbase_url = "{provider.url}/v1"\napi_key_env = "FAKE_KEY"\nimages = "{images}"\n'
        f'[provider.models."{MODEL}"]\nrpm = {rpm}\ntpm = {tpm}\n'
    )


def _start(folder: Path, workers: int) -> "subprocess.Popen[bytes]":
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(("TESSERA_", "OPENAI_"))}
    ours = {
        "TESSERA_DATA_DIR": str(folder / "data"),
        "TESSERA_LOCAL_PROVIDER": "false",
        "TESSERA_ALLOW_PRIVATE_NETWORKS": "true",
        "FAKE_KEY": "sk-test",
    }
    command = [sys.executable, "-m", "cli.main", "up", "--port", "0", "--workers", str(workers)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, env=theirs | ours, cwd=folder, stdout=log, stderr=log)


def _ready(process: "subprocess.Popen[bytes]", folder: Path, workers: int) -> Service:
    deadline = time.monotonic() + 90
    while not (found := notice.read(folder / "data")) or readiness.check("127.0.0.1", _port(found.url)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The service did not start. It said:\n{(folder / 'log').read_text()[-3000:]}")
        time.sleep(0.1)
    everybody = processes.table()
    children = [one for one in everybody.values() if one.parent == process.pid]
    pids = {group: [one.pid for one in children if word in one.command] for group, word in GROUPS.items()}
    assert len(pids["worker"]) == workers, pids
    key = (folder / "data" / "admin_key").read_text().strip()
    return Service(process.pid, found.url, key, str(found.database_url), pids, folder / "log")


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _stop(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """In order if it can; what it said beyond the ordinary is shown, because a quiet error spoils every figure."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()  # its children are tied to it
        process.wait()
    for line in (folder / "log").read_text().splitlines():
        if any(word in line for word in (" WARNING ", " ERROR ", "Traceback", "Error:")):
            sys.stderr.write(f"service: {line}\n")
    shutil.rmtree(folder / "data", ignore_errors=True)
