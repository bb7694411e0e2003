"""The speed of a job: items a second and tokens a minute over the last half minute."""

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

WINDOW_SECONDS = 30.0
FINISHED = ("succeeded", "failed", "cancelled", "expired")


class Snapshot(NamedTuple):
    """A job's progress at an instant (monotonic seconds)."""

    at: float
    items: int
    tokens: int


class Pace:
    """Computes the speed; call `see` with the job each time it is read."""

    def __init__(self) -> None:
        self._snapshots: deque[Snapshot] = deque()

    def see(self, job: Mapping[str, Any], at: float) -> None:
        """Add a snapshot; those older than the window are dropped."""
        tokens = job["tokens"]
        self._snapshots.append(Snapshot(at, finished(job), tokens["input"] + tokens["output"]))
        while at - self._snapshots[0].at > WINDOW_SECONDS and len(self._snapshots) > 2:
            self._snapshots.popleft()

    @property
    def items_per_second(self) -> float:
        """0 until there are two snapshots."""
        return self._slope("items")

    @property
    def tokens_per_minute(self) -> float:
        """Input and output tokens."""
        return 60 * self._slope("tokens")

    def _slope(self, name: str) -> float:
        if len(self._snapshots) < 2:
            return 0.0
        first, last = self._snapshots[0], self._snapshots[-1]
        gained: int = getattr(last, name) - getattr(first, name)
        return max(0.0, gained / (last.at - first.at)) if last.at > first.at else 0.0


def finished(job: Mapping[str, Any]) -> int:
    """Items that have reached an end."""
    return sum(int(job["request_counts"][state]) for state in FINISHED)
