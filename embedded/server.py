"""What the embedded servers have in common: folder, password, port, start and stop."""

import os
import signal
from abc import ABC, abstractmethod
from pathlib import Path

from embedded import ports
from embedded.account import Account
from embedded.child import Child, Log
from embedded.data_dir import secret
from vision.errors import ConfigurationError

START_SECONDS = 300
"""Recovery after a crash may take a while; a start that fails is seen at once."""


class Server(ABC):
    """One server on the loopback address, its data in `folder`."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, account: Account, log: Log, lock: int, *, durable: bool = True) -> None:
        self.folder = folder
        self.account = account
        self.log = log
        self.lock = lock
        self.durable = durable
        """False is for tests: faster, and a power cut may lose data."""
        self.port = 0
        self.child: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients, with the password."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder with its data if it is not there; may run again after it was killed in the middle."""

    @abstractmethod
    def command(self) -> list[str]:
        """Program and arguments; no secrets, as every user of the machine can read them."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers."""

    def stdin(self) -> str:
        """What the program reads from standard input."""
        return ""

    def password(self) -> str:
        """Made with the data, and kept beside it."""
        return (self.folder / "password").read_text().strip()

    def start(self) -> None:
        """Start on the same port as before, or on another one if that is taken; returns when it answers."""
        self.prepare()
        for attempts_left in (2, 1, 0):
            self.port = ports.free(self._last_port())
            child = self.child = self.program(self.command(), stdin=self.stdin())
            try:
                child.start()
                child.wait_until(self.is_ready, START_SECONDS)
                break
            except ConfigurationError:
                if not attempts_left or ports.is_free(self.port):
                    raise
        secret.write(self.folder / "port", str(self.port))
        self.account.own(self.folder / "port")
        child.quiet = False

    def stop(self) -> None:
        """Stop the server after it has written all data."""
        if self.child:
            self.child.quiet = True
            self.child.stop(30)

    def program(self, command: list[str], *, stdin: str = "", name: str | None = None) -> Child:
        """A child under this server's account, without our environment; quiet until it answers."""
        child = Child(
            name or self.name,
            command,
            log=self.log,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            account=self.account,
            folder=Path("/"),
            stdin=stdin,
            keep=(self.lock,),
            stop_signal=self.stop_signal,
            death_signal=self.stop_signal,
        )
        child.quiet = True
        return child

    def _last_port(self) -> int:
        try:
            return int((self.folder / "port").read_text())
        except (FileNotFoundError, ValueError):
            return 0
