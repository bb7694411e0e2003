"""Measure images ahead of the work: sizes from the first bytes, tokens from the sizes."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.errors import ImageError, ItemError, Retry
from vision.images.source import Images
from vision.lifecycle import ItemStatus, Stage
from vision.provider.catalogue import Lane
from vision.retries import decide
from vision.storage import measurements, ranges
from vision.storage.measurements import Measurement
from vision.storage.outcome import Outcome
from vision.storage.ranges import Held, Lessee
from vision.storage.specs import JobSpec, load
from vision.tokens.savings import count_saving
from worker.hold import Holdings

AT_ONCE = 64
MOST_TRIES = 3
PATIENCE_SECONDS = (10.0, 30.0, 30.0)
"""An image that takes longer steps aside, so that it holds up nobody behind it, and is tried again later."""

SLOW = "The image's host did not send its first bytes in time."


class Measurer:
    """One lane's images in one process."""

    def __init__(
        self,
        lane: Lane,
        *,
        engine: AsyncEngine,
        images: Images,
        holdings: Holdings,
        lessee: Lessee,
        stopped: Callable[[], bool],
        when_measured: Callable[[str], Awaitable[None]],
    ) -> None:
        self._lane = lane
        self._engine = engine
        self._images = images
        self._holdings = holdings
        self._lessee = lessee
        self._stopped = stopped
        self._when_measured = when_measured

    async def run(self) -> None:
        """Measure until nothing waits. Two claims at a time, so that the end of one is filled by the next."""
        await asyncio.gather(self._run(), self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopped():
            asked_at = loop.time()
            items = await ranges.claim(self._engine, self._lane.name, AT_ONCE, stage=Stage.MEASURE, lessee=self._lessee)
            if not items:
                return
            self._holdings.add(items, asked_at)
            try:
                await self._measure(items)
            finally:
                for item in items:
                    self._holdings.drop(item)

    async def _measure(self, items: list[Held]) -> None:
        spec = await load(self._engine, items[0].job_id)
        found = await asyncio.gather(*[self._one(item, spec) for item in items])
        measured = [one for one in found if isinstance(one, Measurement)]
        others = [one for one in found if isinstance(one, Outcome)]
        await measurements.store(self._engine, measured, others)
        if measured:
            await self._when_measured(self._lane.name)

    async def _one(self, item: Held, spec: JobSpec) -> Measurement | Outcome:
        if item.image_tokens is not None and not (item.unseen and spec.capped):
            return _as_declared(item, item.image_tokens)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS[min(item.attempt, len(PATIENCE_SECONDS) - 1)]):
                return await self._size(item, spec)
        except (ItemError, TimeoutError) as error:
            if item.image_tokens is not None:
                return _as_declared(item, item.image_tokens)
            slow = ImageError(SLOW, code="image_unreachable", retry=Retry.LATER)
            return _not_measured(item, error if isinstance(error, ItemError) else slow)

    async def _size(self, item: Held, spec: JobSpec) -> Measurement:
        sizes = [await self._images.measure(source) for source in item.images]
        counts = [count_saving(self._lane.image_tokens, spec.detail, spec.fit, *size) for size in sizes]
        tokens, saved = sum(sent for sent, _ in counts), sum(saved for _, saved in counts)
        return Measurement(item, *sizes[0], tokens, spec.expected_cost(self._lane.price, tokens), saved)


def _as_declared(item: Held, image_tokens: int) -> Measurement:
    """What was known before; the provider may see what we cannot, and money is set aside for the largest image then."""
    return Measurement(item, item.width, item.height, image_tokens, Decimal(0), unseen=item.unseen)


def _not_measured(item: Held, error: ItemError) -> Outcome:
    decision = decide(error.retry, item.attempt + 1, MOST_TRIES)
    if decision.again:
        return Outcome(item, again_seconds=decision.delay_seconds, stage=Stage.MEASURE)
    return Outcome(item, status=ItemStatus.FAILED, error_code=error.code, error_message=error.message)
