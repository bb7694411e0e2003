"""Keeps one lane full: claims what it can admit in the next second, and runs an attempt for each item."""

import asyncio
import logging
from collections import Counter
from uuid import UUID

from vision.errors import Retry
from vision.jobs.lifecycle import ItemStatus, Phase
from vision.jobs.retries import decide
from vision.provider.catalogue import Lane
from vision.storage.outcomes.outcome import Outcome
from vision.storage.queue import claims
from vision.storage.queue.dialects import Dialects
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.pauses import pause_lane
from vision.storage.specs import JobSpec, load
from worker.dispatch.attempt import Attempt, LaneStopped
from worker.dispatch.breaker import Breaker
from worker.dispatch.lane_context import LaneContext
from worker.dispatch.lane_dialect import LaneDialect
from worker.dispatch.process_context import ProcessContext
from worker.pacing.claim_size import HORIZON_SECONDS, ClaimSize
from worker.pacing.pacer import Pacer

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0
POLL_SECONDS = 0.25
KEPT_SPECS = 256
LONGEST_LOADING_SECONDS = 5.0


class Dispatcher:
    """One lane in one process."""

    def __init__(self, process: ProcessContext, context: LaneContext, claim_size: ClaimSize) -> None:
        self._process = process
        self._context = context
        self._engine = process.engine
        self._recorder = process.recorder
        self._claim_size = claim_size
        self.totals = Counter(calls=0, succeeded=0, failed=0, input_tokens=0, output_tokens=0)
        """Since this process started: attempts that may have cost something, items that ended, and tokens."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._loading: dict[int, float] = {}
        self._loading_seconds = 0.0
        self._specs: dict[tuple[UUID, int], asyncio.Task[JobSpec]] = {}
        self._woken = asyncio.Event()
        self._empty_until = 0.0

    def wake(self) -> None:
        """There may be work: look at once."""
        self._empty_until = 0.0
        self._woken.set()

    def look(self) -> None:
        """Claim more if this process has capacity for it."""
        if not self._woken.is_set() and self._wants():
            self._woken.set()

    def hear(self, seconds: float | None, asked_at: float) -> None:
        """Take over the lane's outage (see Breaker.hear), and give up waiting calls of stopped jobs."""
        was_down = self._context.breaker.down
        self._context.breaker.hear(seconds, asked_at)
        self._context.pacer.give_back(lambda item: not self._context.leases.may_send(item))
        if was_down and not self._context.breaker.down:
            self.wake()

    def give_back(self) -> None:
        """Release items that were claimed and not sent: this process stops."""
        self._context.pacer.give_up()
        self._woken.set()

    async def drain(self) -> None:
        """Wait until all calls are settled with the limiter."""
        await self._context.pacer.drain()

    async def run(self) -> None:
        """Work until the lane has been idle for some seconds; the next wake-up starts it again."""
        loop = asyncio.get_running_loop()
        await self._process.look()  # the lane may be down
        idle_since = loop.time()
        while not self._process.stopped() and loop.time() - idle_since < IDLE_SECONDS:
            self._woken.clear()
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
        if now < self._empty_until or self._process.loop_lag.high:
            return 0
        if self._context.breaker.cautious:
            return int(not self._context.breaker.wait())
        horizon = self._context.pacer.horizon
        return self._claim_size.wants(
            now,
            horizon=horizon,
            admits=self._context.pacer.admits(HORIZON_SECONDS + self._loading_seconds - max(0.0, horizon - now)),
            loading=len(self._loading),
            # Outcomes that are not recorded count as in flight: they, too, are lost if this process dies.
            leased=len(self._tasks) + self._recorder.waiting,
            lanes=self._process.lanes(),
        )

    async def _wait(self) -> None:
        breaker = self._context.breaker
        try:
            async with asyncio.timeout(min(POLL_SECONDS, breaker.wait()) if breaker.cautious else POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _claim(self, want: int) -> bool:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        cautious = self._context.breaker.cautious
        try:
            items = await claims.claim(
                self._engine,
                self._context.lane.name,
                want,
                phase=Phase.CALL,
                lessee=self._process.lessee,
                price=self._context.lane.highest_price,
                rule=self._context.lane.image_tokens,
                untried_first=cautious,
            )
        except Exception as error:  # noqa: BLE001 - the database may be away for a while; the lane stays open
            log.warning("No items could be claimed (%s); trying again.", type(error).__name__)
            return False
        if not items:
            # Every call that ends frees capacity, but without a wake-up there is hardly anything new to claim.
            self._empty_until = loop.time() + POLL_SECONDS
            return False
        if cautious:
            self._context.breaker.take(items[0])
        now = loop.time()
        self._claim_size.claimed(now, self._context.pacer.horizon, full=len(items) == want)
        self._context.leases.add(items, asked_at)
        for item in items:
            self._loading[id(item)] = now
            task = loop.create_task(self._attempt(item))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.look()

    async def _attempt(self, item: LeasedItem) -> None:
        try:
            spec = await self._spec(item.job_id, item.step)
            outcome = await Attempt(self._context, item, spec, lambda: self._start_known(item)).run()
        except LaneStopped as stop:
            self._put(stop.outcome)
            await self._pause(stop)
            return
        except Exception:
            # A defect of ours must not lose the item or stop its neighbours.
            log.exception("Item %s of job %s could not be worked on.", item.number, item.job_id)
            outcome = self._broken(item)
        finally:
            self._loading.pop(id(item), None)
            self._context.breaker.ended(item)
            await self._context.dialect.ended(item)
        if outcome.latency_ms is not None:
            self._claim_size.ended(outcome.latency_ms / 1000)
        self._put(outcome)

    def _put(self, outcome: Outcome) -> None:
        self.totals["calls"] += outcome.charge is not None
        self.totals["succeeded"] += outcome.status is ItemStatus.SUCCEEDED
        self.totals["failed"] += outcome.status is ItemStatus.FAILED
        self.totals["input_tokens"] += outcome.tokens["input_tokens"]
        self.totals["output_tokens"] += outcome.tokens["output_tokens"]
        self._recorder.put(outcome)

    def _start_known(self, item: LeasedItem) -> None:
        """The item's images are loaded and its slot is known. The mean loading time decides how far ahead to claim."""
        took = asyncio.get_running_loop().time() - self._loading.pop(id(item))
        self._loading_seconds += (min(took, LONGEST_LOADING_SECONDS) - self._loading_seconds) / 16
        self.look()

    def _broken(self, item: LeasedItem) -> Outcome:
        decision = decide(Retry.LATER, item.attempt + 1, self._context.max_attempts)
        if decision.again:
            return Outcome(item, again_seconds=decision.delay_seconds)
        message = "Tessera could not work on this item; its log says why."
        return Outcome(item, status=ItemStatus.FAILED, error_code="internal_error", error_message=message)

    async def _spec(self, job_id: UUID, step: int) -> JobSpec:
        key = job_id, step
        if key not in self._specs:
            if len(self._specs) >= KEPT_SPECS:
                self._specs.pop(next(iter(self._specs)))
            self._specs[key] = asyncio.get_running_loop().create_task(load(self._engine, job_id, step))
        try:
            return await asyncio.shield(self._specs[key])
        except Exception:
            self._specs.pop(key, None)
            raise

    async def _pause(self, stop: LaneStopped) -> None:
        try:
            paused = await pause_lane(self._engine, self._context.lane.name, stop.failure.code)
            await self._process.look()
        except Exception as error:  # noqa: BLE001 - the next refused call tries again
            log.warning("%s could not be paused (%s).", self._context.lane.name, type(error).__name__)
            return
        if paused:
            log.error(
                "%s: %s Its jobs are paused (%s).", self._context.lane.name, stop.failure.message, stop.failure.code
            )
            await self._process.when_paused()


def direct(process: ProcessContext, lane: Lane) -> Dispatcher:
    """The executor that makes calls one by one, as fast as the lane admits them."""
    pacer = Pacer(process.limiter, lane)
    breaker = Breaker(
        lane.name,
        engine=process.engine,
        pacer=pacer,
        leases=process.leases,
        when_changed=process.when_changed,
    )
    context = LaneContext(
        lane=lane,
        client=process.client(lane.provider),
        pacer=pacer,
        breaker=breaker,
        dialect=LaneDialect(lane, Dialects(process.engine, lane.name, lane.address), process.leases),
        images=process.images,
        leases=process.leases,
        marks=process.marks,
        threads=process.threads,
        memory=process.memory,
        max_attempts=process.max_attempts,
    )
    # Where a lane limits its calls in flight, twice as many items are claimed, so that a slot never stays empty.
    most = min(process.most_calls, 2 * lane.max_in_flight) if lane.max_in_flight else process.most_calls
    return Dispatcher(process, context, ClaimSize(most, process.call_timeout_seconds))
