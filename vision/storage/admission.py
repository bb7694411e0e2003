"""A new job's rows: itself, its items, its turn in the lane, and the ranges that wait for a phase."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from uuid import UUID

from psycopg import DataError
from psycopg.errors import UniqueViolation
from sqlalchemy import Insert, Interval, RowMapping, bindparam, func, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import InvalidRequest
from vision.jobs.lifecycle import Phase
from vision.storage.copy import copy_rows
from vision.storage.tables import Item, Job, Step

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


async def add_items(connection: AsyncConnection, rows: Iterable[tuple[object, ...]]) -> None:
    """Write items, in the order of ITEM_COLUMNS; the unique index finds a custom_id that occurs twice."""
    try:
        await copy_rows(connection, Item.__tablename__, ITEM_COLUMNS, rows)
    except UniqueViolation as error:
        row = _row(error.diag.context)
        raise BadRow("another item has this custom_id already.", "duplicate_custom_id", row) from None
    except DataError as error:
        row = _row(error.diag.context)
        raise BadRow("a text holds a NUL character, which cannot be stored.", "invalid_text", row) from None


async def add_job(connection: AsyncConnection, values: Mapping[str, object]) -> None:
    """Write the job's row; keys are column names, and `deadline`: after how long it expires, if it does."""
    await connection.execute(_insert_job(), values)


@cache
def _insert_job() -> Insert:
    """Built once: composing forty columns takes longer than inserting a small job."""
    deadline = bindparam("deadline", type_=Interval)
    return insert(Job.metadata.tables[Job.__tablename__]).values(expires_at=func.now() + deadline)


async def add_turn(connection: AsyncConnection, job: Mapping[str, object] | RowMapping) -> None:
    """Add the job's turn in its lane, with the service of the job that was served least."""
    names = ("id", "tenant_id", "lane", "priority")
    await connection.execute(_ADD_TURN, {name: job[name] for name in names})


_ADD_TURN = text("""
    INSERT INTO turns (job_id, tenant_id, lane, priority, service, runnable)
    SELECT :id, :tenant_id, CAST(:lane AS text), :priority, coalesce(min(service), 0), true
    FROM turns WHERE lane = CAST(:lane AS text) AND runnable
""")


async def return_turns(connection: AsyncConnection, job_id: UUID) -> list[str]:
    """Make a resumed job's turns runnable; what it missed does not count for it. Returns its lanes."""
    return list((await connection.execute(_RETURN_TURNS, {"job_id": job_id})).scalars())


_RETURN_TURNS = text("""
    UPDATE turns t SET runnable = true, service = greatest(t.service, (
        SELECT coalesce(min(o.service), 0) FROM turns o WHERE o.lane = t.lane AND o.runnable))
    WHERE t.job_id = :job_id RETURNING t.lane
""")


async def add_range(connection: AsyncConnection, job: Mapping[str, object], phase: Phase, stop: int) -> None:
    """Add the range of items 1 … stop - 1, which wait for a phase."""
    of_job = {name: job[name] for name in ("id", "tenant_id", "lane")}
    await connection.execute(_ADD_RANGE, of_job | {"phase": phase.value, "stop": stop})


_ADD_RANGE = text("""
    INSERT INTO ranges (tenant_id, job_id, lane, phase, start, stop)
    VALUES (:tenant_id, :id, :lane, :phase, 1, :stop)
""")


async def readmit_failed(connection: AsyncConnection, job_id: UUID) -> list[str]:
    """Delete the results of failed items, which then wait for the step that failed; returns the lanes.

    One range for every run of items; unmeasured ones wait to be measured first.
    """
    lanes = set((await connection.execute(_READMIT, {"job_id": job_id})).scalars())
    await connection.execute(_READMIT_TURNS, {"job_id": job_id})
    return sorted(lanes)


_READMIT = text("""
    WITH failed AS (DELETE FROM results WHERE job_id = :job_id AND status = 'failed' RETURNING number, step),
         counted AS (UPDATE steps s SET failed = s.failed - f.items
                     FROM (SELECT step, count(*) AS items FROM failed GROUP BY step) f
                     WHERE s.job_id = :job_id AND s.position = f.step)
    INSERT INTO ranges (tenant_id, job_id, step, lane, phase, start, stop)
    SELECT j.tenant_id, j.id, w.step, coalesce(w.lane, j.lane), w.phase, min(w.number), max(w.number) + 1
    FROM jobs j JOIN (
        SELECT *, number - row_number() OVER (PARTITION BY step, phase ORDER BY number) AS run
        FROM (
            SELECT f.number, f.step, s.lane,
                   CASE WHEN CASE WHEN f.step = 1 THEN i.image_tokens IS NULL OR i.unseen
                                  ELSE s.by_size AND i.sizes IS NULL
                                       AND (cardinality(i.images) > 1 OR i.width IS NULL) END
                        THEN 'measure' ELSE 'call' END AS phase
            FROM failed f JOIN items i ON i.job_id = :job_id AND i.number = f.number
            LEFT JOIN steps s ON s.job_id = :job_id AND s.position = f.step
        ) waiting
    ) w ON true
    WHERE j.id = :job_id
    GROUP BY j.id, w.step, w.lane, w.phase, w.run
    RETURNING lane
""")

_READMIT_TURNS = text("""
    INSERT INTO turns (job_id, step, tenant_id, lane, priority, service, runnable)
    SELECT DISTINCT r.job_id, r.step, r.tenant_id, r.lane, j.priority,
           coalesce((SELECT min(o.service) FROM turns o WHERE o.lane = r.lane AND o.runnable), 0), true
    FROM ranges r JOIN jobs j ON j.id = r.job_id WHERE r.job_id = :job_id
""")


async def add_steps(connection: AsyncConnection, steps: Sequence[Mapping[str, object]]) -> None:
    """Write the steps of a job that has several; keys are column names."""
    await connection.execute(insert(Step), steps)


def _row(context: str | None) -> int:
    """`COPY items, line 3` → 3."""
    digits = (context or "").partition(" line ")[2].partition(",")[0].strip()
    return int(digits) if digits.isdigit() else 1
