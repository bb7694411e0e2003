"""The demo's own service: `tessera up` as a child process, its log in a file."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx2

from cli.problems import Problem

START_SECONDS = 180
STOP_SECONDS = 30
TAIL_LINES = 30


class Service:
    """A context: the service is ready on entry, and stopped on exit."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str]) -> None:
        self.data_dir = data_dir.resolve()
        self.log = self.data_dir / "service.log"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = settings

    @property
    def environment(self) -> dict[str, str]:
        """For this service and its commands: the caller's own TESSERA_ settings are left out."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TESSERA_")}
        return {**inherited, "TESSERA_DATA_DIR": str(self.data_dir), "TESSERA_URL": self.url, **self._settings}

    def __enter__(self) -> Self:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Problem(f"{self.data_dir} cannot be made: {error.strerror}.") from error
        # In this working folder it does not read the caller's .env and providers.toml.
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command("up", "--port", str(self.port)),
                cwd=self.data_dir,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                process_group=0,  # so that Ctrl-C reaches only this process, which calls `stop`
            )
        try:
            self._await_readiness()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it; kill it after STOP_SECONDS."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def key(self) -> str:
        """The admin key that the service made at its first start."""
        return (self.data_dir / "admin_key").read_text().strip()

    def tail(self) -> str:
        """The last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.is_file() else []
        return "\n".join(lines[-TAIL_LINES:])

    def _await_readiness(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                raise Problem(f"The service stopped at once with exit code {self._process.returncode}.")
            if time.monotonic() > deadline:
                raise Problem(f"The service was not ready after {START_SECONDS} seconds.")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False


def command(*words: str) -> list[str]:
    """A `tessera` command, run by the same Python."""
    return [sys.executable, "-m", "cli.main", *words]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
