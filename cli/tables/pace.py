"""How fast a job goes: items a second and tokens a minute over the last half minute of looks at it."""

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

WINDOW_SECONDS = 30.0
FINISHED = ("succeeded", "failed", "cancelled", "expired")


class Look(NamedTuple):
    """What was seen at an instant (monotonic seconds)."""

    at: float
    items: int
    tokens: int


class Pace:
    """Feed it the job object each time it is read."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()

    def see(self, job: Mapping[str, Any], at: float) -> None:
        """Take a look into account; looks older than the window are dropped."""
        tokens = job["tokens"]
        self._looks.append(Look(at, finished(job), tokens["input"] + tokens["output"]))
        while at - self._looks[0].at > WINDOW_SECONDS and len(self._looks) > 2:
            self._looks.popleft()

    @property
    def items_per_second(self) -> float:
        """0 until two looks lie apart."""
        return self._slope("items")

    @property
    def tokens_per_minute(self) -> float:
        """Input and output tokens."""
        return 60 * self._slope("tokens")

    def _slope(self, name: str) -> float:
        if len(self._looks) < 2:
            return 0.0
        first, last = self._looks[0], self._looks[-1]
        gained: int = getattr(last, name) - getattr(first, name)
        return max(0.0, gained / (last.at - first.at)) if last.at > first.at else 0.0


def finished(job: Mapping[str, Any]) -> int:
    """Items that have reached an end."""
    return sum(int(job["request_counts"][state]) for state in FINISHED)
