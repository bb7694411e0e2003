"""The sweep, every few seconds in every worker: find work without a wake-up, and take back leases of dead workers.

Every step may run twice, and in several workers at once.
"""

import logging
import time
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.jobs.lifecycle import Phase
from vision.jobs.wake_ups import Task
from vision.storage import deliveries
from vision.storage.queue import claims, deadlines, outages, recovery

log = logging.getLogger(__name__)

EVERY_SECONDS = 3.0


class Contact:
    """Since when the database has answered this process without a gap.

    Workers that were cut off from it for longer than a lease are not dead. When it is back, they first record what they
    have paid for and extend their leases; only after that are leases taken back that nobody extends.
    """

    def __init__(self, lease_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease_seconds, self._clock = lease_seconds, clock
        self._longest_silence = max(lease_seconds / 2, 3 * EVERY_SECONDS)
        self._since = float("-inf")  # a process that just started had no gap
        self._last = clock()

    def lost(self) -> None:
        """It did not answer."""
        self._last = float("-inf")

    def answered(self, server_seconds: float = float("inf")) -> None:
        """It answered. `server_seconds`: for how long it has been running itself."""
        now = self._clock()
        if now - self._last > self._longest_silence:
            self._since = now
        self._since = max(self._since, now - server_seconds)
        self._last = now

    @property
    def lasting(self) -> bool:
        """Whether leases that have run out may be taken back."""
        return self._clock() - self._since >= self._lease_seconds


async def sweep(engine: AsyncEngine, wake: Callable[..., None], contact: Contact) -> None:
    """Take back leases of dead workers, end overdue jobs, and begin work that waits without a wake-up."""
    contact.answered(await recovery.server_seconds(engine))
    leases = 0
    while contact.lasting and (reclaimed := await recovery.reclaim(engine)).leases:
        leases += reclaimed.leases
        contact.answered()
    if leases:
        log.warning("Took back %d leases from silent workers.", leases)
    await deadlines.end_overdue(engine)
    await outages.forget(engine)
    for lane in await claims.waiting_lanes(engine, Phase.MEASURE):
        wake(Task.MEASURE, lane)
    for lane in await claims.waiting_lanes(engine, Phase.CALL):
        wake(Task.DISPATCH, lane)
    if await deliveries.are_due(engine):
        wake(Task.DELIVER)
