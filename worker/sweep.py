"""Every few seconds, in every worker: what was dropped is picked up. No step minds a second run or a twin."""

import logging
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.lifecycle import Stage
from vision.queue import Task
from vision.storage import deliveries, outages, ranges, recovery

log = logging.getLogger(__name__)

EVERY_SECONDS = 3.0


async def sweep(engine: AsyncEngine, wake: Callable[..., None]) -> None:
    """Leases of dead workers go back, overdue jobs end, and whatever waits without a bell is begun."""
    reclaimed = await recovery.reclaim(engine)
    if reclaimed.leases:
        log.warning("Took back %d leases of %d jobs from silent workers.", reclaimed.leases, reclaimed.jobs)
    await recovery.end_overdue(engine)
    await outages.forget(engine)
    for lane in await ranges.waiting_lanes(engine, Stage.MEASURE):
        wake(Task.MEASURE, lane)
    for lane in await ranges.waiting_lanes(engine, Stage.WORK):
        wake(Task.PUMP, lane)
    if await deliveries.are_due(engine):
        wake(Task.DELIVER)
