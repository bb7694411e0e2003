"""Notices stopped jobs, passed deadlines, and lanes that are down or back: every half second, or at a wake-up."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.storage.queue import deadlines
from vision.storage.queue.news import news
from worker.dispatch.executors import Executor
from worker.dispatch.leases import Leases

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks without a wake-up."""


class Lookout:
    """One small query for the whole process, and none while it is idle."""

    def __init__(
        self,
        engine: AsyncEngine,
        leases: Leases,
        executors: Mapping[str, Executor],
        *,
        busy: Callable[[], bool],
        when_ended: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._leases = leases
        self._executors = executors
        self._busy = busy
        self._when_ended = when_ended

    async def keep(self) -> None:
        """Run for the life of the process."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._busy() or len(self._leases):
                await self.look()

    async def look(self) -> None:
        """Look now."""
        asked_at = asyncio.get_running_loop().time()
        try:
            found = await news(self._engine, self._leases.jobs)
            self._leases.stop(found.stopped)
            for lane, executor in list(self._executors.items()):
                executor.hear(found.outages.get(lane), asked_at)
            if found.overdue and await deadlines.end_overdue(self._engine):
                self._when_ended()
        except Exception as error:  # noqa: BLE001 - the database may be away for a while
            log.warning("Stopped jobs could not be read (%s); trying again.", type(error).__name__)
