"""Change a job while workers claim and record its items, without getting in each other's way.

A claim locks turn → ranges → job; the end of a job locks job → turn. Whoever changes a job from outside takes the
claim's order and lets go after a moment, before Postgres would look for a deadlock and perhaps fail the worker.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import RowMapping, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.storage import jobs
from vision.storage.tables import Range, Turn

Changed = TypeVar("Changed")
TRIES = 20
_PATIENCE = text("SET LOCAL lock_timeout = '300ms'")


async def change(
    engine: AsyncEngine,
    tenant: str,
    job_id: UUID,
    work: Callable[[AsyncConnection, RowMapping], Awaitable[Changed]],
) -> Changed:
    """Do `work` in a transaction that holds the job, which it is given; NotFound. Tries again when locks collide."""
    for _ in range(TRIES - 1):
        try:
            return await _attempt(engine, tenant, job_id, work)
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                raise
        await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311 - so that two do not collide again
    return await _attempt(engine, tenant, job_id, work)


async def _attempt(
    engine: AsyncEngine,
    tenant: str,
    job_id: UUID,
    work: Callable[[AsyncConnection, RowMapping], Awaitable[Changed]],
) -> Changed:
    async with engine.begin() as connection:
        await connection.execute(_PATIENCE)
        turn = select(Turn.job_id).where(Turn.tenant_id == tenant, Turn.job_id == job_id)
        await connection.execute(turn.with_for_update())
        waiting = select(Range.id).where(Range.tenant_id == tenant, Range.job_id == job_id, Range.lease_token.is_(None))
        await connection.execute(waiting.order_by(Range.id).with_for_update())
        return await work(connection, await jobs.lock(connection, tenant, job_id))
