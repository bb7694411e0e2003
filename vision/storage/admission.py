"""A new job's rows: itself, its items, its turn in the lane, and the ranges that wait for a stage."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from psycopg import DataError
from psycopg.errors import UniqueViolation
from sqlalchemy import (
    Insert,
    Interval,
    RowMapping,
    ScalarSelect,
    bindparam,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import InvalidRequest
from vision.jobs.lifecycle import Stage
from vision.storage.copy import copy_rows
from vision.storage.tables import Item, Job, Turn

ITEM_COLUMNS = (
    ("job_id", "uuid"),
    ("number", "int4"),
    ("tenant_id", "text"),
    ("custom_id", "text"),
    ("images", "text[]"),
    ("metadata", "jsonb"),
    ("width", "int4"),
    ("height", "int4"),
    ("image_tokens", "int4"),
    ("unseen", "bool"),
)


class BadRow(InvalidRequest):
    """Row `row` (1, 2, …) of a batch of items cannot be stored."""

    def __init__(self, message: str, code: str, row: int) -> None:
        super().__init__(message, code=code)
        self.row = row


async def add_items(connection: AsyncConnection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write items, in the order of ITEM_COLUMNS; the unique index finds a custom_id that stands there twice."""
    try:
        await copy_rows(connection, Item.__tablename__, ITEM_COLUMNS, rows)
    except UniqueViolation as error:
        row = _row(error.diag.context)
        raise BadRow("another item has this custom_id already.", "duplicate_custom_id", row) from None
    except DataError as error:
        row = _row(error.diag.context)
        raise BadRow("a text holds a NUL character, which cannot be stored.", "invalid_text", row) from None


async def add_job(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Write the job's row; keys are column names, and `deadline`: after how long it expires, if it does."""
    await connection.execute(_insert_job(), values)


@cache
def _insert_job() -> Insert:
    """Built once: forty columns are dear to put together for a job of one item."""
    deadline = bindparam("deadline", type_=Interval)
    return insert(Job.metadata.tables[Job.__tablename__]).values(expires_at=func.now() + deadline)


async def add_turn(connection: AsyncConnection, job: Mapping[str, Any] | RowMapping) -> None:
    """Put the job into its lane's queue, level with the job served least so far for its weight."""
    names = ("id", "tenant_id", "lane", "priority")
    await connection.execute(_ADD_TURN, {name: job[name] for name in names})


_ADD_TURN = text("""
    INSERT INTO turns (job_id, tenant_id, lane, priority, service, runnable)
    SELECT :id, :tenant_id, CAST(:lane AS text), :priority, coalesce(min(service), 0), true
    FROM turns WHERE lane = CAST(:lane AS text) AND runnable
""")


async def return_turn(connection: AsyncConnection, job: Mapping[str, Any] | RowMapping) -> None:
    """Let a paused job take its turns again, level with the others: what it missed does not give it the lane."""
    level = func.greatest(Turn.service, _least(job["lane"]))
    await connection.execute(update(Turn).where(Turn.job_id == job["id"]).values(runnable=True, service=level))


def _least(lane: str) -> ScalarSelect[float]:
    """The service, which is per weight already, of the job served least among those that may run."""
    others = select(func.coalesce(func.min(Turn.service), literal(0.0))).where(Turn.lane == lane, Turn.runnable)
    return others.scalar_subquery()


async def add_range(connection: AsyncConnection, job: Mapping[str, Any], stage: Stage, stop: int) -> None:
    """Let items 1 … stop - 1 wait for a stage."""
    of_job = {name: job[name] for name in ("id", "tenant_id", "lane")}
    await connection.execute(_ADD_RANGE, of_job | {"stage": stage.value, "stop": stop})


_ADD_RANGE = text("""
    INSERT INTO ranges (tenant_id, job_id, lane, stage, start, stop)
    VALUES (:tenant_id, :id, :lane, :stage, 1, :stop)
""")


async def readmit(connection: AsyncConnection, job_id: UUID) -> None:
    """One range for every run of items without a result; unmeasured ones wait to be measured first."""
    await connection.execute(_READMIT, {"job_id": job_id})


_READMIT = text("""
    INSERT INTO ranges (tenant_id, job_id, lane, stage, start, stop)
    SELECT j.tenant_id, j.id, j.lane, w.stage, min(w.number), max(w.number) + 1
    FROM jobs j JOIN (
        SELECT job_id, number, stage, number - row_number() OVER (PARTITION BY stage ORDER BY number) AS run
        FROM (
            SELECT i.job_id, i.number,
                   CASE WHEN i.image_tokens IS NULL OR i.unseen THEN 'measure' ELSE 'work' END AS stage
            FROM items i
            WHERE i.job_id = :job_id
              AND NOT EXISTS (SELECT FROM results r WHERE r.job_id = i.job_id AND r.number = i.number)
        ) waiting
    ) w ON w.job_id = j.id
    WHERE j.id = :job_id
    GROUP BY j.id, w.stage, w.run
""")


def _row(context: str | None) -> int:
    """`COPY items, line 3` → 3."""
    digits = (context or "").partition(" line ")[2].partition(",")[0].strip()
    return int(digits) if digits.isdigit() else 1
