"""The process tree of `tessera up`: servers, API, workers and the offline provider, from one group of settings."""

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from embedded import ports, readiness
from embedded.child import Child, Log
from embedded.data_dir import running
from embedded.data_dir.folders import open_folder
from embedded.data_dir.lock import DataLock
from embedded.servers import Servers
from embedded.supervisor import Supervisor
from vision.settings import Settings

WORKER_GRACE = 30.0
"""Seconds in which a worker finishes its calls in flight."""


@dataclass
class Stack:
    """A context that starts the servers; `run` starts the rest."""

    settings: Settings
    log: Log
    offline_provider: bool
    """Whether to start it; its packages must be installed."""
    data_dir: Path = field(init=False)
    port: int = field(init=False)
    database_url: str = field(init=False)
    redis_url: str = field(init=False)
    workers: list[Child] = field(default_factory=list)
    api: list[Child] = field(default_factory=list)
    local: list[Child] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.data_dir = self.settings.data_dir.absolute()
        self.port = ports.claim(self.settings.host, self.settings.port)
        self.url = readiness.address(self.settings.host, self.port)
        self._exits = ExitStack()

    def __enter__(self) -> "Stack":
        with ExitStack() as exits:
            open_folder(self.data_dir)
            lock = exits.enter_context(DataLock(self.data_dir))
            database, redis = self.settings.database_url, self.settings.redis_url
            self.servers = Servers(
                self.data_dir, self.log, lock.descriptor, postgres=database is None, valkey=redis is None
            )
            exits.enter_context(self.servers)
            exits.callback(running.remove, self.data_dir)
            self.database_url = database.get_secret_value() if database else str(self.servers.database_url)
            self.redis_url = redis.get_secret_value() if redis else str(self.servers.redis_url)
            running.Running(os.getpid(), self.url, self.servers.database_url, self.servers.redis_url).write(
                self.data_dir
            )
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._exits.close()

    def run(self, ready_line: str) -> None:
        """Start API, workers and offline provider; return after a stop signal, when they have ended."""
        supervisor = Supervisor(self.log)
        self._plan()
        supervisor.keep(self.servers.children)
        try:
            supervisor.start([*self.local, *self.api, *self.workers])
            Thread(target=self._announce, args=(ready_line,), daemon=True).start()
            supervisor.run()
            self.log("tessera", "Stopping; workers finish their calls in flight. Ctrl-C again: at once.")
        finally:
            supervisor.stop([(self.workers, WORKER_GRACE), (self.api, 10), (self.local, 5)])

    def _plan(self) -> None:
        environment = self._environment()
        if self.offline_provider:
            port = ports.free(self.settings.local_port)
            environment["TESSERA_LOCAL_URL"] = f"http://{ports.LOOPBACK}:{port}"
            self.local = [self._child("local", environment, "-m", "local", "--port", str(port))]
        self.api = [self._child("api", environment, *API_COMMAND)]
        self.workers = [
            self._child(f"worker{number}", environment, *worker_command(f"worker{number}"))
            for number in range(1, self.settings.workers + 1)
        ]

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "TESSERA_DATABASE_URL": self.database_url,
            "TESSERA_REDIS_URL": self.redis_url,
            "TESSERA_DATA_DIR": str(self.data_dir),
            "TESSERA_HOST": self.settings.host,
            "TESSERA_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }

    def _child(self, name: str, environment: dict[str, str], *arguments: str) -> Child:
        return Child(name, [sys.executable, *arguments], log=self.log, env=environment)

    def _announce(self, ready_line: str) -> None:
        readiness.wait(self.settings.host, self.port, self._say)
        self._say(ready_line)

    def _say(self, line: str) -> None:
        self.log("tessera", line)


API_COMMAND = ["-m", "api"]
"""Python's arguments for the API."""


def worker_command(name: str) -> list[str]:
    """Python's arguments for a worker. Workers need no contact with each other: leases are in Postgres."""
    alone = ["--without-gossip", "--without-mingle"]
    # Celery warns root at every start, for the sake of pickled messages; ours are JSON.
    quiet = ["-W", "ignore:::celery.platforms", "-m", "celery", "--quiet"]
    return [*quiet, "-A", "worker.app", "worker", "-n", f"{name}@%h", *alone, "-l", "WARNING"]
