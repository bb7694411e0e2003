"""What nobody needs any more goes, seldom and in small batches: old uploads, and idempotency keys."""

import asyncio
import logging
import random
from pathlib import Path
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.errors import Conflict, NotFound
from vision.storage import files, idempotency

log = logging.getLogger(__name__)

EVERY_SECONDS = 600.0
MOST_FILES, MOST_KEYS = 100, 5_000


class Pruner:
    """Looks every ten minutes in each worker; another one at the same time does no harm."""

    def __init__(self, engine: AsyncEngine, files_dir: Path, keep_days: float) -> None:
        self._engine, self._files_dir, self._keep_days = engine, files_dir, keep_days
        self._next = monotonic() + EVERY_SECONDS * random.random()  # noqa: S311 - not a secret

    async def look(self) -> None:
        """Prune, if it is time."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + EVERY_SECONDS
        await prune(self._engine, self._files_dir, self._keep_days)


async def prune(engine: AsyncEngine, files_dir: Path, keep_days: float) -> None:
    """One batch of each; `keep_days` 0 keeps uploads for ever. Idempotent."""
    async with engine.begin() as connection:
        forgotten = await idempotency.prune(connection, MOST_KEYS)
        expired = await files.expired(connection, keep_days, MOST_FILES) if keep_days else []
    deleted = 0
    for row in expired:
        try:
            async with engine.begin() as connection:
                await files.delete(connection, row["tenant_id"], row["id"])
        except (Conflict, NotFound):  # a job has come to need it, or somebody else was first
            continue
        await asyncio.to_thread(files.discard, files_dir, row["id"])
        deleted += 1
    if deleted or forgotten:
        log.info("Deleted %d uploads and %d idempotency keys that had had their time.", deleted, forgotten)
