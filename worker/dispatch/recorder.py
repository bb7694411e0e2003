"""Writes outcomes to the database, in batches. A batch that fails is kept and tried again."""

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.storage.outcomes.outcome import Outcome
from vision.storage.outcomes.record import Recorded, record
from worker.dispatch.leases import Leases

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
MOST = 500
AWAY_SECONDS = 1.0


class Recorder:
    """Buffers outcomes and writes them, one short transaction a batch."""

    def __init__(self, engine: AsyncEngine, leases: Leases, when_written: Callable[[Recorded], None]) -> None:
        self._engine = engine
        self._leases = leases
        self._when_written = when_written
        self._buffer: list[Outcome] = []
        self._most = MOST
        self._filled = asyncio.Event()
        self._complete = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, outcome: Outcome) -> None:
        """Write this soon; the item's lease is kept until then."""
        self._buffer.append(outcome)
        self._empty.clear()
        self._filled.set()
        if len(self._buffer) >= min(self._most, len(self._leases)):
            self._complete.set()

    @property
    def waiting(self) -> int:
        """Outcomes that are not written yet."""
        return len(self._buffer)

    async def drain(self) -> None:
        """Wait until everything put so far is written."""
        await self._empty.wait()

    async def keep(self) -> None:
        """Run for the life of the process."""
        while True:
            await self._filled.wait()
            await self._gather()
            batch = self._buffer[: self._most]
            recorded = await self._write(batch)
            if recorded is not None:
                del self._buffer[: len(batch)]
                self._most = min(MOST, self._most * 2)
                for outcome in batch:
                    self._leases.drop(outcome.item)
                self._when_written(recorded)
            else:
                # Should one row be what the database refuses, smaller batches get the others past it.
                self._most = max(1, len(batch) // 2)
                self._buffer.append(self._buffer.pop(0))
                await asyncio.sleep(AWAY_SECONDS)
            if not self._buffer:
                self._filled.clear()
                self._empty.set()

    async def _gather(self) -> None:
        """Wait for more, unless the batch is full or no other item is leased."""
        try:
            async with asyncio.timeout(GATHER_SECONDS):
                await self._complete.wait()
        except TimeoutError:
            pass
        self._complete.clear()

    async def _write(self, batch: list[Outcome]) -> Recorded | None:
        """What came of this batch; None if it could not be written."""
        try:
            return await record(self._engine, batch)
        except Exception as error:  # noqa: BLE001 - whatever the database says, these outcomes are paid for and are kept
            log.warning("%d outcomes wait for the database (%s: %s).", len(batch), type(error).__name__, _short(error))
            return None


def _short(error: Exception) -> str:
    return str(getattr(error, "orig", error)).splitlines()[0][:200] if str(error) else ""
