"""How much of a lane goes by until a job is done, when jobs take turns by priority and weight."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """What is left of a job: calls, and the tokens that they will take."""

    priority: int
    weight: int
    calls: int
    tokens: float


def until_done(own: Work, others: Iterable[Work]) -> tuple[float, float]:
    """Calls and tokens of the lane until `own` is done: its own, and what `others` get before and beside it.

    Before it comes all of a higher priority. Among equals each gets tokens by its weight, until it has no work left.
    """
    calls, tokens = float(own.calls), own.tokens
    for other in others:
        part = _part(own, other)
        calls, tokens = calls + part * other.calls, tokens + part * other.tokens
    return calls, tokens


def _part(own: Work, other: Work) -> float:
    """The part of the other's work that is done by the time that one's own is."""
    if other.priority != own.priority:
        return float(other.priority > own.priority)
    needed = other.tokens / other.weight
    return min(1.0, own.tokens / own.weight / needed) if needed else 1.0
