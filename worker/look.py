"""Hear within half a second of stopped jobs, passed deadlines, and lanes that are down or back; sooner if woken."""

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
"""How soon is noticed what no wake-up has told."""


class Lookout:
    """One small query for the whole process; none while it has nothing to do."""

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
            log.warning("It is not known which jobs were stopped (%s); asking again.", type(error).__name__)
