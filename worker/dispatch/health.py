"""Decides whether a failed call is the lane's fault or the item's, by the outcomes of other calls on the lane.

A failure is the item's own if, since it failed before, other items were served and few others failed: the lane works
for everybody else. Such a failure uses up an attempt and is no evidence against the lane. Any other failure may be the
lane's, for example where all calls fail, or where a server refuses some of them with 503.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from vision.jobs.retries import back_off
from vision.provider.failures import Trouble

Key = tuple[UUID, int]
"""An item: its job and its number."""

PER_FAILURE = 9
"""How many others must have been served for each other item that failed, before a failure is an item's own."""
SURELY = 4
"""An item is known to be bad if between its failures so many others were served and none failed."""
GATEWAYS, ALIKE = 2, 5
"""The lane is down after so many calls in a row that reached no server, or so many items in a row that failed."""
LONE_SECONDS = 300.0
"""How long failures of one single item count against the lane; after that they are the item's own."""
SOONEST_SECONDS = 2.0
LATELY, RECENT, REMEMBERED = 64, 512, 1_000


class Verdict(NamedTuple):
    """`uses_attempt`: an attempt of the item is used up. `down`: the lane counts as down. `failures`: of the item."""

    uses_attempt: bool
    down: bool
    failures: int

    @property
    def again_seconds(self) -> float:
        """When to try the item again if the lane is at fault: after the first probe, which may be another item."""
        return max(SOONEST_SECONDS, back_off(min(self.failures, 4)))


@dataclass(slots=True)
class _Past:
    """How many calls had ended when an item failed last, how often it has failed, and whether it is known to be bad."""

    calls: int
    failures: int
    bad: bool


class Health:
    """One lane, as one process sees it."""

    def __init__(self) -> None:
        self.served_calls = 0
        self._calls: deque[tuple[Key, bool]] = deque(maxlen=RECENT)
        self._ended = 0
        self._pasts: dict[Key, _Past] = {}
        self._run: dict[Key, float] = {}
        self._gateways = 0
        self._refused: set[Key] = set()
        self._served_at = float("-inf")

    def served(self, key: Key, now: float) -> None:
        """The provider answered, or refused this item alone."""
        self.served_calls += 1
        self._served_at = now
        self._note(key, served=True)
        if self._pasts:
            self._pasts.pop(key, None)
        if self._run or self._refused:
            self._run.clear()
            self._refused.clear()
            self._gateways = 0

    def failed(self, key: Key, trouble: Trouble, now: float, *, down: bool = False) -> Verdict:
        """A call failed in a way that may be the lane's fault. `down`: the lane counts as down already."""
        past = self._pasts.pop(key, None)
        own = trouble is not Trouble.UNREACHED and self._is_own(key, past, now)
        uses_attempt = own or (trouble is Trouble.FAILED and not down and self._is_alone(key))
        if not own:
            self._note(key, served=False)
            if key in self._run or len(self._run) < ALIKE:
                self._run.setdefault(key, now)
            self._gateways += trouble is not Trouble.FAILED
        failures = past.failures + 1 if past else 1
        bad = own and past is not None and (past.bad or self._others(key, past.calls)[0] >= SURELY)
        self._remember(key, _Past(self._ended, failures, bad))
        runs = trouble is Trouble.UNREACHED or self._gateways >= GATEWAYS or len(self._run) >= ALIKE
        return Verdict(uses_attempt, runs and not own, failures)

    def refused(self, key: Key, now: float, *, quiet_seconds: float | None = None) -> bool:
        """A call was refused, without saying whether for the item or for our key. Returns whether it must be the key.

        It must be if several items in a row were refused, or if nothing was served for `quiet_seconds`.
        """
        self._refused.add(key)
        quiet = quiet_seconds is not None and now - self._served_at >= quiet_seconds
        if not quiet and len(self._refused) < ALIKE:
            return False
        self._refused.clear()
        return True

    def _is_own(self, key: Key, past: _Past | None, now: float) -> bool:
        if self._run.keys() == {key} and now - self._run[key] >= LONE_SECONDS:
            return True
        if past is None:
            return False
        served, failed = self._others(key, past.calls)
        if PER_FAILURE * failed <= served and (served or past.bad):
            return True
        # Where a whole job fails beside other jobs that do not, it is the job.
        served, failed = self._others(key, past.calls, by_job=True)
        return served > 0 and PER_FAILURE * failed <= served

    def _is_alone(self, key: Key) -> bool:
        """Whether hardly anybody else has failed lately."""
        served, failed = self._others(key, self._ended - LATELY)
        return PER_FAILURE * failed <= served

    def _others(self, key: Key, since: int, *, by_job: bool = False) -> tuple[int, int]:
        """After the first `since` calls: other items' (or jobs') calls that were served, and items that failed."""
        calls: Iterable[tuple[Key, bool]] = islice(reversed(self._calls), self._ended - since)
        others = [call for call in calls if (call[0][0] != key[0] if by_job else call[0] != key)]
        failed = {other for other, served in others if not served and not self._is_bad(other)}
        return sum(served for _, served in others), len(failed)

    def _is_bad(self, key: Key) -> bool:
        """Whether this item is known to be bad, so that its failures are no evidence about others."""
        past = self._pasts.get(key)
        return past is not None and past.bad

    def _note(self, key: Key, *, served: bool) -> None:
        self._calls.append((key, served))
        self._ended += 1

    def _remember(self, key: Key, past: _Past) -> None:
        if len(self._pasts) >= REMEMBERED:
            del self._pasts[next(iter(self._pasts))]
        self._pasts[key] = past
