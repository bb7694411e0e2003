"""The circuit breaker of one lane in one process: stops calls while the lane is down, and sends one probe at a time.

The open state is in Postgres, for all processes and over restarts; each process reads it within half a second. While
the lane is down, each process keeps one item ready. When a probe is due, one process gets the right to send its item,
and the others give theirs back. Taking the right sets the time of the next probe, so a dead process delays nothing.
After the return, calls start one by one, faster with each that succeeds and slower with each that fails: a server that
just came back is not flooded, and one that takes fewer calls than its limit gets about as many as it takes.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.provider.failures import Failure, Then, Trouble
from vision.storage.queue import outages
from vision.storage.queue.leased_item import LeasedItem
from worker.dispatch.health import Health, Verdict
from worker.dispatch.leases import Leases
from worker.pacing.pacer import Pacer

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
SURE_CALLS = 8
"""A lane that goes down again before so many calls were served was not really back: the waits keep growing."""
QUIET_SECONDS = 10.0
WIDEST, FIRST, CLOSEST = 2.0, 0.5, 1 / 64
NARROWER, WIDER = 0.75, 2.0
"""Seconds between claims of single items after a return; by which factors an answer and a failure change them."""
COUNTS = Verdict(uses_attempt=True, down=False, failures=0)


class Breaker:
    """Open (`down`) or closed."""

    def __init__(
        self, lane: str, *, engine: AsyncEngine, pacer: Pacer, leases: Leases, when_changed: Callable[[], None]
    ) -> None:
        self.health = Health()
        self._lane = lane
        self._engine = engine
        self._pacer = pacer
        self._leases = leases
        self._when_changed = when_changed
        self._due: float | None = None
        self._changed_at = -math.inf
        self._up_at_call = -SURE_CALLS
        self._doublings = 0
        self._next: UUID | None = None
        self._probes: set[UUID] = set()
        self._gap: float | None = None
        self._claim_at = 0.0

    @property
    def down(self) -> bool:
        """Whether only probes are sent."""
        return self._due is not None

    @property
    def cautious(self) -> bool:
        """Whether items are claimed one by one: for the next probe, or after a return."""
        return self._due is not None or self._gap is not None

    def wait(self) -> float:
        """Seconds until the next item may be claimed, while `cautious`."""
        if self._due is not None:
            return 0.0 if self._next is None else LOOK_SECONDS
        return max(0.0, self._claim_at - asyncio.get_running_loop().time())

    def take(self, item: LeasedItem) -> None:
        """Note an item that was claimed while `cautious`."""
        if self._due is not None:
            self._next = item.token
        self._claim_at = asyncio.get_running_loop().time() + (self._gap or 0.0)

    def ended(self, item: LeasedItem) -> None:
        """Forget an item that this process is done with."""
        if item.token == self._next:
            self._next = None
        self._probes.discard(item.token)

    def hear(self, seconds: float | None, asked_at: float) -> None:
        """Take over the state in Postgres at `asked_at`: seconds until the next probe, None if the lane is up."""
        if asked_at < self._changed_at:
            return  # this process has changed it since
        if seconds is not None:
            self._go_down(seconds)
        elif self.down:
            self._come_up()

    async def turn(self, item: LeasedItem) -> bool:
        """While the lane is down, wait until this item may be the next probe; False: give it back."""
        while self._due is not None:
            if item.token != self._next or not self._leases.may_send(item):
                return False
            if (wait := self._due - asyncio.get_running_loop().time()) <= 0:
                break
            await asyncio.sleep(min(wait, LOOK_SECONDS))
        return True

    async def may_send(self, item: LeasedItem) -> bool:
        """Whether this call may be sent now; while the lane is down, one process at a time gets the right."""
        if not self.down:
            return True
        if item.token != self._next:
            return False
        try:
            seconds = await outages.probe(self._engine, self._lane)
        except Exception as error:  # noqa: BLE001 - the database may be away for a while
            log.warning("%s could not be probed (%s).", self._lane, type(error).__name__)
            return False
        if seconds is None:
            # Another process has the right, or has closed the breaker: Postgres is read again soon.
            self._due = asyncio.get_running_loop().time() + LOOK_SECONDS
            return False
        self._next = None
        self._probes.add(item.token)
        self._go_down(seconds)
        return True

    async def heard(self, item: LeasedItem, failure: Failure | None) -> Verdict:
        """A call has ended: whether it uses up an attempt, and what follows for the lane."""
        key, now = (item.job_id, item.number), asyncio.get_running_loop().time()
        if failure is None or failure.trouble is None:
            if failure is None or failure.then in {Then.NEVER, Then.LATER}:
                self.health.served(key, now)
                self._widen(NARROWER)
            if self.down and item.token in self._probes:
                await self._close()
            return COUNTS
        verdict = self.health.failed(key, failure.trouble, now, down=self.down)
        if not verdict.uses_attempt:
            self._widen(WIDER)
        if self.down:
            if item.token in self._probes:
                await self._keep_open(failure)
        elif self._says_down(failure, verdict):
            await self._open(failure)
        return verdict

    def _says_down(self, failure: Failure, verdict: Verdict) -> bool:
        """Whether this failure opens the breaker."""
        if failure.trouble is Trouble.GATEWAY and failure.retry_after and not verdict.uses_attempt:
            return True
        # After a return, fewer calls at a time may still succeed.
        slows_down = self._gap is not None and self._gap < WIDEST
        return verdict.down and (failure.trouble is Trouble.UNREACHED or not slows_down)

    def key_is_refused(self, item: LeasedItem, failure: Failure) -> bool:
        """Whether a refusal without a stated reason must be about our key. A 401 is, if nothing was served lately."""
        quiet_seconds = QUIET_SECONDS if failure.status == 401 else None
        now = asyncio.get_running_loop().time()
        return self.health.refused((item.job_id, item.number), now, quiet_seconds=quiet_seconds)

    async def _open(self, failure: Failure) -> None:
        surely_up = self.health.served_calls - self._up_at_call >= SURE_CALLS
        self._doublings = 0 if surely_up else min(self._doublings + 1, outages.DOUBLINGS)
        stated = failure.retry_after or 0.0
        self._changed_at = math.inf
        self._go_down(outages.first_wait(self._doublings, stated))
        try:
            first = await outages.open_(
                self._engine, self._lane, failure.code, failure.message, doublings=self._doublings, stated=stated
            )
        except Exception as error:  # noqa: BLE001 - the database may be away; then nothing is claimed either
            log.warning("The outage of %s could not be stored (%s).", self._lane, type(error).__name__)
            return
        finally:
            self._changed_at = asyncio.get_running_loop().time()
        if first:
            log.warning("%s is down: %s Its jobs wait; one call at a time tries again.", self._lane, failure.message)
            self._when_changed()

    async def _keep_open(self, failure: Failure) -> None:
        try:
            await outages.keep_open(
                self._engine, self._lane, failure.code, failure.message, stated=failure.retry_after or 0.0
            )
        except Exception as error:  # noqa: BLE001 - as above; the next probe is due all the same
            log.warning("The failed probe of %s could not be stored (%s).", self._lane, type(error).__name__)

    async def _close(self) -> None:
        self._changed_at = math.inf
        try:
            seconds = await outages.close(self._engine, self._lane)
        except Exception as error:  # noqa: BLE001 - the next probe closes it
            log.warning("The return of %s could not be stored (%s).", self._lane, type(error).__name__)
            return
        finally:
            self._changed_at = asyncio.get_running_loop().time()
        self._come_up()
        if seconds is not None:
            log.info("%s answers again after %.0f s; its jobs go on.", self._lane, seconds)
            self._when_changed()

    def _go_down(self, seconds: float) -> None:
        self._due, self._gap = asyncio.get_running_loop().time() + seconds, None
        self._pacer.give_back(lambda item: item.token != self._next)

    def _come_up(self) -> None:
        self._due = self._next = None
        self._probes.clear()
        self._up_at_call = self.health.served_calls
        self._gap, self._claim_at = FIRST, asyncio.get_running_loop().time() + FIRST

    def _widen(self, factor: float) -> None:
        if self._gap is not None:
            gap = min(WIDEST, self._gap * factor)
            self._gap = gap if gap >= CLOSEST else None
