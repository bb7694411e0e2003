"""Keep one lane full: claim what it can admit in the next second, and see each item through."""

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
from worker.appetite import HORIZON_SECONDS, Appetite
from worker.call import LaneStopped, Line, call
from worker.load import Load
from worker.record import Recorder

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0
POLL_SECONDS = 0.25
KEPT_SPECS = 256
LONGEST_LOADING_SECONDS = 5.0


class Pump:
    """One lane in one process."""

    def __init__(
        self,
        line: Line,
        *,
        engine: AsyncEngine,
        recorder: Recorder,
        lessee: Lessee,
        appetite: Appetite,
        load: Load,
        lanes: Callable[[], int],
        stopped: Callable[[], bool],
        when_paused: Callable[[], Awaitable[None]],
    ) -> None:
        self._line = line
        self._engine = engine
        self._recorder = recorder
        self._lessee = lessee
        self._appetite = appetite
        self._load = load
        self._lanes = lanes
        self._stopped = stopped
        self._when_paused = when_paused
        self._tasks: set[asyncio.Task[None]] = set()
        self._coming: dict[int, float] = {}
        self._loading_seconds = 0.0
        self._specs: dict[UUID, asyncio.Task[JobSpec]] = {}
        self._moved = asyncio.Event()
        self._dry_until = 0.0

    def wake(self) -> None:
        """There may be work: look at once."""
        self._dry_until = 0.0
        self._moved.set()

    def look(self) -> None:
        """There may be room."""
        if not self._moved.is_set() and self._wants():
            self._moved.set()

    def give_back(self) -> None:
        """This process stops: what is in hand and not sent goes back."""
        self._line.pacer.give_up()
        self._moved.set()

    async def drain(self) -> None:
        """What calls did not use is given back to the lane."""
        await self._line.pacer.drain()

    async def run(self) -> None:
        """Work until the lane has been idle for some seconds; the next bell starts it again."""
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        while not self._stopped() and loop.time() - idle_since < IDLE_SECONDS:
            self._moved.clear()
            if (want := self._wants()) and await self._claim(want):
                idle_since = loop.time()
                continue
            if self._tasks:
                idle_since = loop.time()
            await self._wait()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _wants(self) -> int:
        """How many items to claim now."""
        now = asyncio.get_running_loop().time()
        if now < self._dry_until or self._load.heavy:
            return 0
        horizon = self._line.pacer.horizon
        return self._appetite.wants(
            now,
            horizon=horizon,
            admits=self._line.pacer.admits(HORIZON_SECONDS + self._loading_seconds - max(0.0, horizon - now)),
            coming=len(self._coming),
            # What is not recorded counts as in flight: it is lost with this process all the same.
            in_hand=len(self._tasks) + self._recorder.waiting,
            lanes=self._lanes(),
        )

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._moved.wait()
        except TimeoutError:
            return

    async def _claim(self, want: int) -> bool:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            items = await ranges.claim(
                self._engine,
                self._line.lane.name,
                want,
                stage=Stage.WORK,
                lessee=self._lessee,
                price=self._line.lane.highest_price,
                rule=self._line.lane.image_tokens,
            )
        except Exception as error:  # noqa: BLE001 - the database may be away for a while; the lane stays open
            log.warning("No items could be claimed (%s); trying again.", type(error).__name__)
            return False
        if not items:
            # Every call that ends makes room; without a bell there is nothing new to ask for each time.
            self._dry_until = loop.time() + POLL_SECONDS
            return False
        now = loop.time()
        self._appetite.claimed(now, self._line.pacer.horizon, full=len(items) == want)
        self._line.holdings.add(items, asked_at)
        for item in items:
            self._coming[id(item)] = now
            task = loop.create_task(self._see_through(item))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.look()

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
            self._coming.pop(id(item), None)
        if outcome.latency_ms is not None:
            self._appetite.ended(outcome.latency_ms / 1000)
        self._recorder.put(outcome)

    def _start_known(self, item: Held) -> None:
        """Its images are there; while others of the same size are on their way, more must be."""
        took = asyncio.get_running_loop().time() - self._coming.pop(id(item))
        self._loading_seconds += (min(took, LONGEST_LOADING_SECONDS) - self._loading_seconds) / 16
        self.look()

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
