"""Deletes jobs: first hides them from callers, then deletes their rows in slices, one transaction each."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

SLICE = 5_000
"""Rows that one transaction deletes."""
OF_JOB = ("answers", "results", "ledger", "items", "ranges", "turns", "deliveries", "events", "steps", "file_uses")
"""Tables of which a job has rows, each with its `job_id`; attempts at deliveries go with these."""

_MARK = text("UPDATE jobs SET deleted_at = now() WHERE id = :job_id")

_FORGET_KEYS = text("DELETE FROM idempotency_keys WHERE job_id = :job_id")

_MARK_OLD = text("""
    UPDATE jobs SET deleted_at = now() WHERE id IN (
        SELECT id FROM jobs WHERE deleted_at IS NULL AND finished_at < now() - :days * interval '1 day'
        LIMIT :most FOR UPDATE SKIP LOCKED)
""")

_MARKED = text("SELECT id FROM jobs WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT :most")

_ATTEMPTS = text("""
    DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE job_id = :job_id)
""")

# Two workers may be at the same job: each takes rows that the other has not got.
_SLICE = """
    DELETE FROM {0} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM {0} WHERE job_id = :job_id LIMIT :most FOR UPDATE SKIP LOCKED))
"""
_SLICES = {table: text(_SLICE.format(table)) for table in OF_JOB}

_JOB = text(
    "DELETE FROM jobs j WHERE j.id = :job_id AND j.deleted_at IS NOT NULL AND NOT EXISTS ("
    + " UNION ALL ".join(f"SELECT FROM {table} WHERE job_id = :job_id" for table in OF_JOB)
    + ")"
)


async def mark(connection: AsyncConnection, job_id: UUID) -> None:
    """Hide an ended job from callers; its rows are removed later. The caller has locked its row."""
    await connection.execute(_FORGET_KEYS, {"job_id": job_id})
    await connection.execute(_MARK, {"job_id": job_id})


async def mark_old(engine: AsyncEngine, days: float, most: int) -> int:
    """The same of jobs that ended longer ago than so many days; how many."""
    async with engine.begin() as connection:
        return (await connection.execute(_MARK_OLD, {"days": days, "most": most})).rowcount


async def marked(engine: AsyncEngine, most: int) -> Sequence[UUID]:
    """Jobs whose rows are to go, the oldest first."""
    async with engine.connect() as connection:
        return (await connection.execute(_MARKED, {"most": most})).scalars().all()


async def remove(engine: AsyncEngine, job_id: UUID) -> bool:
    """Delete the rows of a marked job; whether this removed the last of them. May be interrupted and repeated."""
    async with engine.begin() as connection:
        await connection.execute(_ATTEMPTS, {"job_id": job_id})
    for statement in _SLICES.values():
        while True:
            async with engine.begin() as connection:
                gone = (await connection.execute(statement, {"job_id": job_id, "most": SLICE})).rowcount
            if gone < SLICE:
                break
    async with engine.begin() as connection:
        return (await connection.execute(_JOB, {"job_id": job_id})).rowcount > 0
