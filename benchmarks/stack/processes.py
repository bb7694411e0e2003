"""CPU time and memory of processes, from /proc (Linux only)."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """`seconds`: CPU time of its own and of its children that have ended."""

    pid: int
    parent: int
    command: str
    seconds: float


def table() -> dict[int, Process]:
    """Every process of this machine that can be read."""
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (process := _read(folder)):
            found[process.pid] = process
    return found


def _read(folder: Path) -> Process | None:
    try:
        stat, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
    except OSError:  # it has just ended
        return None
    fields = stat.rpartition(") ")[2].split()
    words = command.replace(b"\0", b" ").decode(errors="replace")
    return Process(int(folder.name), int(fields[1]), words, sum(map(int, fields[11:15])) / TICK)


def family(root: int, processes: Mapping[int, Process]) -> list[Process]:
    """A process and all its living descendants."""
    members = [processes[root]] if root in processes else []
    for member in members:  # grows while it is walked
        members += [process for process in processes.values() if process.parent == member.pid]
    return members


def memory(pid: int, name: str = "VmRSS") -> float:
    """Resident memory in MB (10⁶ bytes): now (`VmRSS`) or at its highest (`VmHWM`)."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)


def forget_peak(pid: int) -> None:
    """Let `VmHWM` start again from what is resident now."""
    (PROC / str(pid) / "clear_refs").write_text("5")


class Meter:
    """Between entry and exit: wall-clock seconds, CPU seconds of each group, and what everybody else took.

    The group `benchmark` is this process, and those of its own that ended meanwhile.
    """

    def __init__(self, groups: Mapping[str, Sequence[int]]) -> None:
        self._groups = groups
        self.seconds = 0.0
        self.cpu: dict[str, float] = {}
        self.others = 0.0
        """Cores that processes not in these groups kept busy: other people on this machine."""

    def __enter__(self) -> Self:
        self._before, self._started = self._look(), time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.monotonic() - self._started
        busy, *now = self._look()
        was_busy, *before = self._before
        self.cpu = {name: after - earlier for name, after, earlier in zip(self._names, now, before, strict=True)}
        self.others = max(0.0, busy - was_busy - sum(self.cpu.values())) / self.seconds

    @property
    def _names(self) -> list[str]:
        return [*self._groups, "benchmark"]

    def _look(self) -> list[float]:
        processes = table()
        groups = [
            sum(member.seconds for root in roots for member in family(root, processes))
            for roots in self._groups.values()
        ]
        return [_busy(), *groups, sum(os.times()[:4])]


def _busy() -> float:
    """CPU seconds that all cores together have worked since the machine started."""
    fields = [int(field) for field in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK
