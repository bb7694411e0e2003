"""The leases that this process holds: it extends them, and knows which items must not be sent any more."""

import asyncio
import logging
from collections import Counter
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import extend

log = logging.getLogger(__name__)

Key = TypeVar("Key")

LOOK_SECONDS = 1.0
MARGIN = 0.2
"""Of the lease: nothing is sent so shortly before it may run out."""


class Leases:
    """Every item that this process has leased."""

    def __init__(self, engine: AsyncEngine, lease_seconds: float) -> None:
        self._engine = engine
        self._lease_seconds = lease_seconds
        self._leases: Counter[tuple[int, UUID]] = Counter()
        self._jobs: Counter[UUID] = Counter()
        self._stopped: frozenset[UUID] = frozenset()
        self._lost: set[UUID] = set()
        self._confirmed: dict[tuple[int, UUID], float] = {}

    def __len__(self) -> int:
        return self._jobs.total()

    @property
    def jobs(self) -> list[UUID]:
        """The jobs of the leased items."""
        return list(self._jobs)

    def add(self, items: list[LeasedItem], asked_at: float) -> None:
        """Keep the leases of items that were claimed by a statement sent at `asked_at` (loop time), or later."""
        for item in items:
            self._leases[item.lease] += 1
            self._jobs[item.job_id] += 1
            self._confirmed[item.lease] = asked_at

    def drop(self, item: LeasedItem) -> None:
        """The item has been recorded."""
        _less(self._leases, item.lease)
        _less(self._jobs, item.job_id)
        if item.lease not in self._leases:
            self._confirmed.pop(item.lease, None)

    def may_send(self, item: LeasedItem) -> bool:
        """Whether the item may be sent: its job is neither paused nor ending, and its lease surely still holds.

        It may not hold if this process was silent for so long (stopped, starved, cut off) that it counts as dead.
        """
        if item.job_id in self._stopped or item.token in self._lost:
            return False
        age = asyncio.get_running_loop().time() - self._confirmed.get(item.lease, float("-inf"))
        return age < self._lease_seconds * (1 - MARGIN)

    def stop(self, jobs: frozenset[UUID]) -> None:
        """Set which jobs are paused or ending, of those that have leased items."""
        self._stopped = jobs

    async def keep(self) -> None:
        """Run for the life of the process."""
        beat = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._lease_seconds / 8))
            if not self._leases:
                continue
            try:
                if loop.time() - beat >= self._lease_seconds / 4:
                    await self._extend()
                    beat = loop.time()
            except Exception as error:  # noqa: BLE001 - the database may be away for a while; the fence guards what is late
                log.warning("Leases could not be extended (%s); trying again.", type(error).__name__)

    async def _extend(self) -> None:
        leases, asked_at = list(self._leases), asyncio.get_running_loop().time()
        alive = await extend(self._engine, leases, self._lease_seconds)
        self._confirmed |= {lease: asked_at for lease in leases if lease[0] in alive and lease in self._leases}
        missing = [lease for lease in leases if lease[0] not in alive]
        if not missing:
            return
        await asyncio.sleep(LOOK_SECONDS)  # what was recorded at that moment is dropped by now
        self._lost = {token for range_id, token in missing if (range_id, token) in self._leases}
        if self._lost:
            log.warning(
                "%d leases ran out while this worker was silent; their items go to another one.", len(self._lost)
            )


def _less(counter: Counter[Key], key: Key) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
