"""Keep one lane full: claim what it can admit in the next second or two, and see each item through."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.errors import Retry
from vision.lifecycle import ItemStatus, Stage
from vision.retries import decide
from vision.storage import ranges
from vision.storage.outcome import Outcome
from vision.storage.pauses import pause_lane
from vision.storage.ranges import Held, Lessee
from vision.storage.specs import JobSpec, load
from worker.call import LaneStopped, Line, call
from worker.record import Recorder

log = logging.getLogger(__name__)

HORIZON_SECONDS = 2.0
"""Claim no further ahead than this, so that the order between jobs stays fresh."""
FIRST_CLAIM, LARGEST_CLAIM = 8, 128
IDLE_SECONDS = 5.0
POLL_SECONDS = 0.25
KEPT_SPECS = 256


class Pump:
    """One lane in one process."""

    def __init__(
        self,
        line: Line,
        *,
        engine: AsyncEngine,
        recorder: Recorder,
        lessee: Lessee,
        max_in_flight: int,
        stopped: Callable[[], bool],
        when_paused: Callable[[], Awaitable[None]],
    ) -> None:
        self._line = line
        self._engine = engine
        self._recorder = recorder
        self._lessee = lessee
        self._max_in_flight = max_in_flight
        self._stopped = stopped
        self._when_paused = when_paused
        self._claim_size = FIRST_CLAIM
        self._tasks: set[asyncio.Task[None]] = set()
        self._coming: set[int] = set()
        self._specs: dict[UUID, asyncio.Task[JobSpec]] = {}
        self._moved = asyncio.Event()
        self._dry_until = 0.0

    def wake(self) -> None:
        """There may be work: look at once."""
        self._dry_until = 0.0
        self.look()

    def look(self) -> None:
        """There may be room."""
        self._moved.set()

    def give_back(self) -> None:
        """This process stops: what is in hand and not sent goes back."""
        self._line.pacer.give_up()
        self.look()

    async def run(self) -> None:
        """Work until the lane has been idle for some seconds; the next bell starts it again."""
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        while not self._stopped() and loop.time() - idle_since < IDLE_SECONDS:
            self._moved.clear()
            if self._has_room() and loop.time() >= self._dry_until and await self._claim():
                idle_since = loop.time()
                continue
            if self._tasks:
                idle_since = loop.time()
            await self._wait()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _has_room(self) -> bool:
        ahead = self._line.pacer.horizon - asyncio.get_running_loop().time()
        if ahead >= HORIZON_SECONDS:
            self._claim_size = max(1, self._claim_size // 2)
        return ahead < HORIZON_SECONDS and self._free() > 0

    def _free(self) -> int:
        """How many more items may be claimed: the horizon does not yet tell of those whose start is not known."""
        coming = self._line.pacer.admits(HORIZON_SECONDS) - len(self._coming)
        # What is not recorded counts as in flight: it is lost with this process all the same.
        return min(coming, self._max_in_flight - len(self._tasks) - self._recorder.waiting)

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._moved.wait(), POLL_SECONDS)
        except TimeoutError:
            return

    async def _claim(self) -> bool:
        want = min(self._claim_size, self._free())
        try:
            items = await ranges.claim(
                self._engine,
                self._line.lane.name,
                want,
                stage=Stage.WORK,
                lessee=self._lessee,
                price=self._line.lane.price,
            )
        except Exception as error:  # noqa: BLE001 - the database may be away for a while; the lane stays open
            log.warning("No items could be claimed (%s); trying again.", type(error).__name__)
            return False
        if not items:
            # Every call that ends makes room; without a bell there is nothing new to ask for each time.
            self._dry_until = asyncio.get_running_loop().time() + POLL_SECONDS
            return False
        self._line.holdings.add(items)
        for item in items:
            self._coming.add(id(item))
            task = asyncio.get_running_loop().create_task(self._see_through(item))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        if len(items) == want:
            self._claim_size = min(LARGEST_CLAIM, self._claim_size * 2)
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._moved.set()

    async def _see_through(self, item: Held) -> None:
        try:
            outcome = await call(self._line, item, await self._spec(item.job_id), lambda: self._start_known(item))
        except LaneStopped as stop:
            self._recorder.put(stop.outcome)
            await self._pause(stop)
            return
        except Exception:
            # A defect of ours must not lose the item or stop its neighbours.
            log.exception("Item %s of job %s could not be worked on.", item.number, item.job_id)
            outcome = self._broken(item)
        finally:
            self._coming.discard(id(item))
        self._recorder.put(outcome)

    def _start_known(self, item: Held) -> None:
        self._coming.discard(id(item))
        self._moved.set()

    def _broken(self, item: Held) -> Outcome:
        decision = decide(Retry.LATER, item.attempt + 1, self._line.max_attempts)
        if decision.again:
            return Outcome(item, again_seconds=decision.delay_seconds)
        message = "Tessera could not work on this item; its log says why."
        return Outcome(item, status=ItemStatus.FAILED, error_code="internal_error", error_message=message)

    async def _spec(self, job_id: UUID) -> JobSpec:
        if job_id not in self._specs:
            if len(self._specs) >= KEPT_SPECS:
                self._specs.pop(next(iter(self._specs)))
            self._specs[job_id] = asyncio.get_running_loop().create_task(load(self._engine, job_id))
        try:
            return await asyncio.shield(self._specs[job_id])
        except Exception:
            self._specs.pop(job_id, None)
            raise

    async def _pause(self, stop: LaneStopped) -> None:
        try:
            paused = await pause_lane(self._engine, self._line.lane.name, stop.failure.code)
            await self._line.holdings.look()
        except Exception as error:  # noqa: BLE001 - the next refused call tries again
            log.warning("%s could not be paused (%s).", self._line.lane.name, type(error).__name__)
            return
        if paused:
            log.error("%s: %s Its jobs are paused (%s).", self._line.lane.name, stop.failure.message, stop.failure.code)
            await self._when_paused()
