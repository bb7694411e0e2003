"""Restarts programs that end, and stops them in order."""

import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import FrameType

from embedded.child import Child, Log

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""After a run this long, earlier failures no longer count."""


@dataclass
class _Supervised:
    child: Child
    started: float
    failures: int = 0
    again_at: float | None = None


class Supervisor:
    """Runs in the main thread until a stop signal; after a second one it kills at once."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._signals = 0
        self._supervised: list[_Supervised] = []

    def keep(self, children: Iterable[Child]) -> None:
        """Watch programs that run already."""
        self._supervised += [_Supervised(child, time.monotonic()) for child in children]

    def start(self, children: Iterable[Child]) -> None:
        """Start programs and watch them."""
        for child in children:
            child.start()
            self.keep([child])

    def run(self) -> None:
        """Restart programs that end, until a stop signal."""
        self.listen()
        while not self._signals:
            for supervised in self._supervised:
                self._look_after(supervised)
            time.sleep(0.1)

    def listen(self) -> None:
        """From now on stop signals are counted, and no exception is raised."""
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._on_signal)

    def stop(self, groups: Sequence[tuple[Sequence[Child], float]]) -> None:
        """Stop one group after the other; kill what still runs after the group's seconds."""
        self.listen()
        for children, seconds in groups:
            self._end(children, seconds)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _look_after(self, supervised: _Supervised) -> None:
        now = time.monotonic()
        if supervised.again_at is not None and now >= supervised.again_at:
            supervised.child.start()
            supervised.started, supervised.again_at = now, None
        elif supervised.again_at is None and (code := supervised.child.poll()) is not None:
            supervised.failures = 1 if now - supervised.started > STEADY_SECONDS else supervised.failures + 1
            pause = min(2.0 ** (supervised.failures - 1), LONGEST_PAUSE)
            supervised.again_at = now + pause
            self._log("tessera", f"{supervised.child.name} ended {_how(code)}; starting it again in {pause:.0f} s.")

    def _end(self, children: Sequence[Child], seconds: float) -> None:
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._signals < 2 and any(child.poll() is None for child in children):
            time.sleep(0.05)
        for child in children:
            if child.poll() is None:
                self._log("tessera", f"{child.name} has not stopped; killing it. Its calls in flight are lost.")
                child.kill()


def _how(code: int) -> str:
    return f"with exit code {code}" if code >= 0 else f"by signal {-code}"
