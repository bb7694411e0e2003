"""Runs one program at a time in a session of its own, reads its output, and ends it with this process."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import IO

from embedded.account import Account
from vision.errors import ConfigurationError

Log = Callable[[str, str], None]
"""Takes a name and one line."""

EXIT_WITH_PARENT = Path(__file__).with_name("exit_with_parent.py")


class Child:
    """Start it from the main thread only: the kernel signals a child when the thread that made it ends."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Log,
        env: Mapping[str, str],
        account: Account | None = None,
        folder: Path | None = None,
        stdin: str = "",
        keep: Sequence[int] = (),
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.quiet = False
        """While true, lines are remembered but not logged."""
        self._command = list(command)
        self._log = log
        self._env = dict(env)
        self._account = account or Account()
        self._folder = folder
        self._stdin = stdin
        self._keep = tuple(keep)
        self._stop_signal = stop_signal
        self._death_signal = death_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: Thread | None = None
        self._tail: deque[str] = deque(maxlen=8)

    @property
    def pid(self) -> int | None:
        """The process id, once started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the program, which must not be running."""
        user = self._account
        uid, gid = ("-", "-") if user.uid is None else (str(user.uid), str(user.gid))
        wrapper = [
            sys.executable,
            "-I",
            "-S",
            str(EXIT_WITH_PARENT),
            str(os.getpid()),
            str(int(self._death_signal)),
            uid,
            gid,
        ]
        with tempfile.TemporaryFile() as stdin:
            stdin.write(self._stdin.encode())
            stdin.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - no shell, and our own commands only
                wrapper + self._command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._folder,
                pass_fds=self._keep,
                start_new_session=True,  # so that Ctrl-C reaches only the supervisor, which stops the others in order
            )
        self._reader = Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll() if self._process else 0

    def wait(self, seconds: float) -> bool:
        """Wait for the end; False if it still runs after `seconds`."""
        try:
            if self._process:
                self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until it is ready; ConfigurationError with its last lines if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.poll() is not None or time.monotonic() > deadline:
                raise self.failure("ended" if self.poll() is not None else "is not ready")
            time.sleep(0.01)

    def failure(self, what: str) -> ConfigurationError:
        """An error that quotes the last lines."""
        if self._reader:
            self._reader.join(1)
        lines = "\n  ".join(self._tail)
        return ConfigurationError(f"{self.name} {what}. It said:\n  {lines}", code="embedded_server_failed")

    def ask_to_stop(self) -> None:
        """Send the stop signal."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(self._stop_signal)

    def kill(self) -> None:
        """Kill it and the processes that it started."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self, seconds: float) -> None:
        """Send the stop signal; kill it after `seconds`."""
        self.ask_to_stop()
        if not self.wait(seconds):
            self.kill()

    def _read(self, output: IO[bytes]) -> None:
        with output:
            for raw in output:
                line = raw.decode(errors="replace").rstrip()
                self._tail.append(line)
                if line and not self.quiet:
                    self._log(self.name, line)
