"""The whole service as subprocesses, as a newcomer starts it."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.processes import tied


@dataclass
class Service:
    """A running `tessera up`."""

    data_dir: Path
    port: int
    launch: Callable[[], subprocess.Popen[bytes]]

    def __post_init__(self) -> None:
        self.process = self.launch()

    @property
    def url(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        """The local admin key."""
        return (self.data_dir / "admin_key").read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        """What the other commands need to find it."""
        return os.environ | {"TESSERA_URL": self.url, "TESSERA_API_KEY": self.key}

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.data_dir / "log").read_text()

    def answers(self) -> bool:
        """Whether GET /readyz answers 200."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def wait_until_ready(self, seconds: float = 300) -> None:
        """Fails with the log when it does not come up."""
        deadline = time.monotonic() + seconds
        while not self.answers():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log}"
            assert time.monotonic() < deadline, f"not ready:\n{self.log}"
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 180) -> int:
        """Signal the supervisor and wait; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)

    def restart(self) -> None:
        """Stop it and start it as it was, on the same data and port."""
        self.stop()
        self.process = self.launch()
        self.wait_until_ready()


StartService = Callable[..., Service]


@contextmanager
def services(folder: Path) -> Iterator[StartService]:
    """Starts `tessera up` without waiting, on data in FOLDER; stops them all at the end."""
    with ExitStack() as exits:

        def up(*options: str, data_dir: Path | None = None, **environment: str) -> Service:
            place = data_dir or folder / f"data-{secrets.token_hex(4)}"
            place.mkdir(mode=0o711, exist_ok=True)
            port = free_port()
            command = tied("-m", "cli.main", "up", "--port", str(port), *options)
            settings = os.environ | {"TESSERA_DATA_DIR": str(place)} | environment

            def launch() -> subprocess.Popen[bytes]:
                with (place / "log").open("ab") as log:
                    return subprocess.Popen(command, env=settings, cwd=place, stdout=log, stderr=log)

            service = Service(place, port, launch)
            exits.callback(service.stop)
            return service

        yield up


@pytest.fixture
def start(open_folder: Path) -> Iterator[StartService]:
    """Starts `tessera up` without waiting; the same `data_dir` may be started again."""
    with services(open_folder) as up:
        yield up


@pytest.fixture
def tessera(start: StartService) -> StartService:
    """Starts the whole service and waits until it is ready: `tessera("--workers", "2", OPENAI_BASE_URL=…)`."""

    def ready(*options: str, data_dir: Path | None = None, **environment: str) -> Service:
        service = start(*options, data_dir=data_dir, **environment)
        service.wait_until_ready()
        return service

    return ready
