"""States of a job and the moves between them. The status decides what happens next, the status code explains it.

Python and SQL use the same table of moves: statements take their states from it, and the tests' database refuses every
other move.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class JobStatus(StrEnum):
    """Decides what happens next."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


TERMINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})
OPEN = frozenset(JobStatus) - TERMINAL
RUNNABLE = OPEN - {JobStatus.PAUSED}
"""States in which calls may be sent, unless the job is about to end."""


class Move(NamedTuple):
    """A change of a job's state, from one of `sources` to `target`."""

    sources: frozenset[JobStatus]
    target: JobStatus


START = Move(frozenset({JobStatus.QUEUED}), JobStatus.RUNNING)
PAUSE = Move(RUNNABLE, JobStatus.PAUSED)
RESUME = Move(frozenset({JobStatus.PAUSED}), JobStatus.RUNNING)
SUCCEED = Move(OPEN - {JobStatus.QUEUED}, JobStatus.SUCCEEDED)
"""Every item has a result; the last ones may arrive while the job is paused."""
CANCEL = Move(OPEN, JobStatus.CANCELLED)
EXPIRE = Move(OPEN, JobStatus.EXPIRED)
RETRY = Move(frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED}), JobStatus.RUNNING)
"""The failed items are tried again."""

MOVES = (START, PAUSE, RESUME, SUCCEED, CANCEL, EXPIRE, RETRY)


def sql_list(states: Iterable[StrEnum]) -> str:
    """The states as SQL writes them between the brackets of IN."""
    return ", ".join(f"'{state.value}'" for state in sorted(states))


class StatusCode(StrEnum):
    """Why a job is in its state; never decides what happens next."""

    WAITING = "waiting"  # accepted, not started
    WORKING = "working"
    CANCELLING = "cancelling"  # calls in flight are being finished, nothing new is sent
    EXPIRING = "expiring"  # the same, after the deadline
    DONE = "done"
    PAUSED_BY_USER = "paused_by_user"
    CAP_REACHED = "cap_reached"  # the next item could pass max_cost
    UPSTREAM_DOWN = "upstream_down"  # the provider does not answer; the job goes on by itself when it does again
    UPSTREAM_AUTH = "upstream_auth"  # the provider refused our key
    UPSTREAM_QUOTA = "upstream_quota"  # the provider account has no credit left
    MODEL_NOT_FOUND = "model_not_found"  # the provider does not offer this model (any more)
    LANE_REMOVED = "lane_removed"  # providers.toml does not offer the job's model; it waits until it does
    CANCELLED_BY_USER = "cancelled_by_user"
    DEADLINE_PASSED = "deadline_passed"


class ItemStatus(StrEnum):
    """An item's state; the last four are terminal."""

    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Phase(StrEnum):
    """What a range of items is waiting for."""

    MEASURE = "measure"
    CALL = "call"
