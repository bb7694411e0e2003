"""Deletes what is not needed any more, a few at a time: deleted jobs, old uploads, idempotency keys, orphaned files."""

import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.errors import Conflict, NotFound
from vision.files import Store
from vision.files.keys import job_of, of_job
from vision.jobs import ids
from vision.storage import deletion, files, idempotency

log = logging.getLogger(__name__)

EVERY_SECONDS = 600.0
MOST_FILES, MOST_JOBS, MOST_KEYS, MOST_ENTRIES = 100, 100, 5_000, 1_000
ORPHANED_AFTER = timedelta(days=1)
"""Files are stored before their row, and taking in a large job takes long."""


@dataclass(frozen=True)
class Keep:
    """Days that uploads without a job, and ended jobs, are kept; 0: for ever."""

    files_days: float
    jobs_days: float


class Pruner:
    """Prunes every ten minutes in each worker; several at the same time do no harm."""

    def __init__(self, engine: AsyncEngine, store: Store, keep: Keep) -> None:
        self._engine, self._store, self._keep = engine, store, keep
        self._next = monotonic() + EVERY_SECONDS * random.random()  # noqa: S311 - not a secret
        self._after = ""

    async def look(self) -> None:
        """Prune if it is time; of the file store, one page of entries each time."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + EVERY_SECONDS
        await prune(self._engine, self._store, self._keep.files_days)
        await prune_jobs(self._engine, self._store, self._keep.jobs_days)
        self._after = await prune_orphans(self._engine, self._store, self._after)


async def prune(engine: AsyncEngine, store: Store, keep_days: float) -> None:
    """One batch of each; `keep_days` 0 keeps uploads for ever. Idempotent."""
    async with engine.begin() as connection:
        forgotten = await idempotency.prune(connection, MOST_KEYS)
        expired = await files.expired(connection, keep_days, MOST_FILES) if keep_days else []
    deleted = 0
    for tenant, file_id in expired:
        try:
            async with engine.begin() as connection:
                await files.delete(connection, tenant, file_id)
        except (Conflict, NotFound):  # a job has come to need it, or somebody else was first
            continue
        await store.delete([file_id.hex])
        deleted += 1
    if deleted or forgotten:
        log.info("Deleted %d uploads and %d idempotency keys that had expired.", deleted, forgotten)


async def prune_jobs(engine: AsyncEngine, store: Store, keep_days: float) -> None:
    """Delete rows and files of jobs that were deleted, or that ended long ago. May be interrupted at any time."""
    if keep_days:
        await deletion.mark_old(engine, keep_days, MOST_JOBS)
    for job_id in await deletion.marked(engine, MOST_JOBS):
        await _remove_bytes(store, job_id)
        if await deletion.remove(engine, job_id):
            log.info("Deleted %s with everything of it.", ids.public("job", job_id))


async def _remove_bytes(store: Store, job_id: UUID) -> None:
    after = prefix = of_job(job_id, "")
    while keys := [entry.key for entry in await store.page(after, MOST_ENTRIES) if entry.key.startswith(prefix)]:
        await store.delete(keys)
        after = keys[-1]


async def prune_orphans(engine: AsyncEngine, store: Store, after: str) -> str:
    """Delete files whose upload or job is gone, of one page of the store; returns the key before the next page."""
    page = await store.page(after, MOST_ENTRIES)
    old = [entry.key for entry in page if datetime.now(UTC) - entry.modified > ORPHANED_AFTER]
    owners = {key: owner for key in old if (owner := job_of(key) or _upload(key))}
    jobs = {owner for key, owner in owners.items() if job_of(key)}
    async with engine.connect() as connection:
        owned = await files.owned(connection, set(owners.values()) - jobs, jobs)
    if orphans := [key for key, owner in owners.items() if owner not in owned]:
        await store.delete(orphans)
        log.info("Deleted %d stored files that belonged to nothing.", len(orphans))
    return page[-1].key if len(page) == MOST_ENTRIES else ""


def _upload(key: str) -> UUID | None:
    """The upload's id; None for a key that is not ours."""
    try:
        return UUID(key) if len(key) == 32 else None
    except ValueError:
        return None
