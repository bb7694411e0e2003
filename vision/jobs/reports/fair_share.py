"""The calls that a lane makes until a job is done, when jobs share the lane by priority and weight."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """A job's remaining calls, and their tokens."""

    priority: int
    weight: int
    calls: int
    tokens: float


def until_done(own: Work, others: Iterable[Work]) -> tuple[float, float]:
    """Calls and tokens of the lane until `own` is done: its own, and those that `others` get meanwhile.

    Jobs of higher priority come first. Among equals each gets tokens by its weight, until it is done.
    """
    calls, tokens = float(own.calls), own.tokens
    for other in others:
        part = _part(own, other)
        calls, tokens = calls + part * other.calls, tokens + part * other.tokens
    return calls, tokens


def _part(own: Work, other: Work) -> float:
    """The part of the other job that is done when our own is."""
    if other.priority != own.priority:
        return float(other.priority > own.priority)
    needed = other.tokens / other.weight
    return min(1.0, own.tokens / own.weight / needed) if needed else 1.0
