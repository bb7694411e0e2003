"""The supervisor and its children, with programs of a few lines."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded.child import Child
from embedded.supervisor import STOP_SIGNALS, Supervisor

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


class Lines(list[tuple[str, str]]):
    """A log that keeps its lines."""

    def __call__(self, name: str, line: str) -> None:
        self.append((name, line))

    def wait_for(self, *line: str, times: int = 1) -> None:
        deadline = time.monotonic() + 60
        while self.count(line) < times:
            assert time.monotonic() < deadline, self
            time.sleep(0.01)


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """The supervisor takes the process's signals over."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def child(script: str, log: Callable[[str, str], None]) -> Child:
    return Child("child", [sys.executable, "-c", script], log=log, env=dict(os.environ))


def test_what_ends_is_started_again_with_growing_pauses() -> None:
    log, said = Lines(), Lines()

    def note(name: str, line: str) -> None:
        said(name, line)
        if len(said) == 2:  # enough: stop
            os.kill(os.getpid(), signal.SIGTERM)

    supervisor = Supervisor(note)
    supervisor.start([child("print('hello'); raise SystemExit(7)", log)])
    supervisor.run()
    assert said == [
        ("tessera", "child ended with exit code 7; starting it again in 1 s."),
        ("tessera", "child ended with exit code 7; starting it again in 2 s."),
    ]
    log.wait_for("child", "hello", times=2)


def test_what_will_not_stop_is_killed_after_its_time() -> None:
    log = Lines()
    stubborn = child(STUBBORN, log)
    stubborn.start()
    log.wait_for("child", "deaf")
    Supervisor(log).stop([([stubborn], 0.3)])
    assert stubborn.poll() == -signal.SIGKILL
    assert any("killing it" in line for _, line in log)


def test_a_child_is_alone_in_its_session_and_takes_its_own_children_along() -> None:
    log = Lines()
    parent = child("import subprocess as s; p = s.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()", log)
    parent.start()
    while not log:
        time.sleep(0.01)
        assert parent.poll() is None
    assert parent.pid
    assert os.getsid(parent.pid) == parent.pid
    parent.kill()
    pid = int(log[0][1])
    deadline = time.monotonic() + 60
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
