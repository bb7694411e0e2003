"""Measures images before their calls: sizes from the first bytes, tokens from the sizes."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.errors import ImageError, ItemError, Retry
from vision.images.host import HostBusy
from vision.images.source import Images
from vision.jobs.lifecycle import ItemStatus, Phase
from vision.jobs.retries import decide
from vision.provider.catalogue import Lane
from vision.storage.outcomes.outcome import Outcome
from vision.storage.queue import claims, measurements
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee
from vision.storage.queue.measurements import Measurement
from vision.storage.specs import JobSpec, load
from vision.tokens.savings import count_saving
from worker.dispatch.leases import Leases

log = logging.getLogger(__name__)

MOST = 128
"""Leased items of one lane in one process."""
AT_ONCE = 64
"""Items of one claim; a smaller claim is made only after POLL_SECONDS."""
GATHER_SECONDS = 0.1
"""How long a batch gathers before it is written."""
POLL_SECONDS = 0.5
MOST_TRIES = 3
PATIENCE_SECONDS = (10.0, 30.0, 30.0)
"""How long an image may take at each try, from when its host has a free slot."""

_Found = Measurement | Outcome


class Measurer:
    """Measures one lane's images in one process. A slow image delays no other one."""

    def __init__(
        self,
        lane: Lane,
        *,
        engine: AsyncEngine,
        images: Images,
        leases: Leases,
        lessee: Lessee,
        stopped: Callable[[], bool],
        when_measured: Callable[[str], Awaitable[None]],
    ) -> None:
        self._lane = lane
        self._engine = engine
        self._images = images
        self._leases = leases
        self._lessee = lessee
        self._stopped = stopped
        self._when_measured = when_measured
        self.totals = Counter(measured=0, failed=0)
        """Since this process started: items that were measured, and items that failed."""
        self._leased: dict[int, LeasedItem] = {}
        self._found: list[_Found] = []
        self._woken = asyncio.Event()
        self._filled = asyncio.Event()
        self._complete = asyncio.Event()
        self._claimed_at = float("-inf")
        self._empty = False

    def wake(self) -> None:
        """There may be more to measure: look at once."""
        self._empty = False
        self._woken.set()

    async def run(self) -> None:
        """Measure until nothing waits and everything is written."""
        self._empty = False
        writer = asyncio.get_running_loop().create_task(self._write_all())
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._woken.clear()
                if (want := self._wants()) and await self._claim(want, tasks):
                    continue
                if not self._leased and not self._woken.is_set():
                    return
                await self._wait()
        finally:
            # Nothing may be awaited here: a wake-up from now on begins another run.
            for task in (writer, *tasks):
                task.cancel()
            for item in self._leased.values():
                self._leases.drop(item)
            self._leased.clear()
            self._found.clear()

    def _wants(self) -> int:
        """How many to claim: a full claim whenever there is room for one, a smaller one every POLL_SECONDS."""
        if self._stopped():
            return 0
        room = min(AT_ONCE, MOST - len(self._leased))
        rested = asyncio.get_running_loop().time() - self._claimed_at >= POLL_SECONDS
        return room if (room == AT_ONCE or rested) and (rested or not self._empty) else 0

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _claim(self, want: int, tasks: set[asyncio.Task[None]]) -> bool:
        loop = asyncio.get_running_loop()
        self._claimed_at = asked_at = loop.time()
        try:
            items = await claims.claim(self._engine, self._lane.name, want, phase=Phase.MEASURE, lessee=self._lessee)
            spec = await load(self._engine, items[0].job_id, items[0].step) if items else None
        except Exception as error:  # noqa: BLE001 - the database may be away for a while; the sweep begins this again
            log.warning("No images could be claimed (%s); trying again.", type(error).__name__)
            items, spec = [], None
        if spec is None:
            self._empty = not self._woken.is_set()
            return False
        self._leases.add(items, asked_at)
        for item in items:
            self._leased[id(item)] = item
            task = loop.create_task(self._measure_item(item, spec))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        return True

    async def _measure_item(self, item: LeasedItem, spec: JobSpec) -> None:
        try:
            found = await self._one(item, spec)
        except Exception:
            # A defect of ours must not lose the item or stop its neighbours.
            log.exception("Item %s of job %s could not be measured.", item.number, item.job_id)
            found = _not_measured(item, ImageError(retry=Retry.LATER))
        self.totals["measured"] += isinstance(found, Measurement)
        self.totals["failed"] += isinstance(found, Outcome) and found.status is ItemStatus.FAILED
        self._found.append(found)
        self._filled.set()
        if len(self._found) >= min(AT_ONCE, len(self._leased)):
            self._complete.set()

    async def _one(self, item: LeasedItem, spec: JobSpec) -> _Found:
        if item.image_tokens is not None and not (item.unseen and spec.capped):
            return _as_declared(item, item.image_tokens)
        seconds = PATIENCE_SECONDS[min(item.attempt, len(PATIENCE_SECONDS) - 1)]
        try:
            sizes = [await self._images.measure(source, seconds) for source in item.images]
            counts = [count_saving(self._lane.image_tokens, spec.detail, spec.fit, *size) for size in sizes]
        except ItemError as error:
            waits = isinstance(error, HostBusy) and not error.unhealthy
            if item.image_tokens is not None and not waits:
                return _as_declared(item, item.image_tokens)
            return _not_measured(item, error)
        tokens, saved = sum(sent for sent, _ in counts), sum(saved for _, saved in counts)
        cost = spec.expected_cost(self._lane.price, tokens)
        return Measurement(item, *sizes[0], tokens, cost, saved, tuple(sizes) if len(sizes) > 1 else ())

    async def _write_all(self) -> None:
        """Write results in batches, as long as this runs."""
        while True:
            await self._filled.wait()
            try:
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._complete.wait()
            except TimeoutError:
                pass
            batch, self._found = self._found, []
            self._filled.clear()
            self._complete.clear()
            await self._write(batch)
            for one in batch:
                self._leases.drop(self._leased.pop(id(one.item)))
            self._woken.set()

    async def _write(self, batch: Sequence[_Found]) -> None:
        by_step: defaultdict[tuple[UUID, int], list[_Found]] = defaultdict(list)
        for one in batch:
            by_step[one.item.job_id, one.item.step].append(one)
        try:
            for found in by_step.values():
                measured = [one for one in found if isinstance(one, Measurement)]
                others = [one for one in found if isinstance(one, Outcome)]
                await measurements.store(self._engine, measured, others)
            if any(isinstance(one, Measurement) for one in batch):
                await self._when_measured(self._lane.name)
        except Exception as error:  # noqa: BLE001 - whatever the database says, these leases run out and come back
            log.warning("%d measured items were not written (%s).", len(batch), type(error).__name__)


def _as_declared(item: LeasedItem, image_tokens: int) -> Measurement:
    """Keep the declared size: the provider may reach the image. Money is set aside for the largest size then."""
    return Measurement(item, item.width, item.height, image_tokens, Decimal(0), unseen=item.unseen)


def _not_measured(item: LeasedItem, error: ItemError) -> Outcome:
    if isinstance(error, HostBusy):
        return Outcome(item, again_seconds=error.seconds, phase=Phase.MEASURE, uses_attempt=False)
    decision = decide(error.retry, item.attempt + 1, MOST_TRIES)
    if decision.again:
        return Outcome(item, again_seconds=decision.delay_seconds, phase=Phase.MEASURE)
    return Outcome(item, status=ItemStatus.FAILED, error_code=error.code, error_message=error.message)
