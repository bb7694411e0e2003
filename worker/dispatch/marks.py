"""Marks items in the database before they are decoded or sent, many with one statement."""

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.marks import Mark, Step, Writer

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
"""Between two statements while there are many items; a single one does not wait."""
LEAD_SECONDS = 0.15
"""How long before its start a call is marked, so that the start does not wait for the database."""
ANSWER_SECONDS = 15.0
"""After this long without an answer the connection to the database counts as broken."""
AWAY_SECONDS = 0.5
"""Between two tries while the database is away; nothing is sent without its mark."""


class Marks:
    """The marks of one process, written one statement after the other."""

    def __init__(self, engine: AsyncEngine, stopped: Callable[[], bool]) -> None:
        self._writer = Writer(engine)
        self._stopped = stopped
        self._waiting: list[tuple[Mark, asyncio.Future[bool]]] = []
        self._soon = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def decoding(self, item: LeasedItem) -> bool:
        """Mark the item before its images are decoded. False: its lease is gone or its job is stopped; leave it."""
        return await self._mark(Mark(item, Step.DECODING))

    async def sent(self, item: LeasedItem, *, soon: bool = False) -> bool:
        """Mark the item before its call is sent; False as above. `soon`: it holds a concurrency slot meanwhile."""
        return await self._mark(Mark(item, Step.SENT), soon=soon)

    async def close(self) -> None:
        """Give up the connection."""
        await self._writer.close()

    async def _mark(self, mark: Mark, *, soon: bool = False) -> bool:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((mark, future))
        if soon:
            self._soon.set()
        if not self._writing or self._writing.done():
            self._writing = loop.create_task(self._write())
        return await future

    async def _write(self) -> None:
        await asyncio.sleep(0)
        while self._waiting:
            batch, self._waiting = self._waiting, []
            self._soon.clear()
            held = await self._held([mark for mark, _ in batch])
            for mark, future in batch:
                if not future.done():
                    future.set_result(mark.item.token in held)
            await self._gather()

    async def _gather(self) -> None:
        try:
            async with asyncio.timeout(GATHER_SECONDS):
                await self._soon.wait()
        except TimeoutError:
            return

    async def _held(self, batch: list[Mark]) -> set[UUID]:
        while True:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._writer.write(batch)
            except Exception as error:  # noqa: BLE001 - the database may be away for a while
                log.warning("%d calls wait for the database (%s).", len(batch), type(error).__name__)
            if self._stopped():
                return set()
            await asyncio.sleep(AWAY_SECONDS)
