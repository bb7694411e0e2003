"""Jobs as they are read: one row each, with what their ranges say, in one snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, cast, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import NotFound
from vision.jobs import ids
from vision.jobs.lifecycle import RUNNABLE, Phase, StatusCode
from vision.jobs.reports.job_report import JobReport
from vision.jobs.reports.remaining_work import OpenJob
from vision.storage.tables import Job, LaneOutage, Range, Turn

MOST_OPEN = 1_000
"""Jobs of a lane that are looked at to tell how long one will take."""


async def get(connection: AsyncConnection, tenant: str, job_id: UUID) -> JobReport:
    """A job; NotFound if there is none, or it is another tenant's."""
    statement = _view().where(Job.tenant_id == tenant, Job.id == job_id)
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise _unknown(job_id)
    return JobReport.of(row)


async def page(
    connection: AsyncConnection, tenant: str, *, limit: int, after: UUID | None, status: str | None
) -> list[JobReport]:
    """Jobs, newest first, from the one after `after` on (which need not exist any more)."""
    statement = _view().where(Job.tenant_id == tenant).order_by(Job.id.desc()).limit(limit)
    if after:
        statement = statement.where(Job.id < after)
    if status:
        statement = statement.where(Job.status == status)
    return [JobReport.of(row) for row in (await connection.execute(statement)).mappings()]


async def lock(connection: AsyncConnection, tenant: str, job_id: UUID) -> JobReport:
    """The job's own row, locked until the transaction ends; NotFound as for `get`."""
    table = Job.__table__
    mine = (Job.tenant_id == tenant, Job.id == job_id, Job.deleted_at.is_(None))
    statement = select(table).where(*mine).with_for_update()
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise _unknown(job_id)
    return JobReport.of(row)


async def schema(connection: AsyncConnection, tenant: str, job_id: UUID) -> dict[str, Any] | None:
    """The schema of the job's answers, which the view leaves out; None for free text."""
    statement = select(Job.schema).where(Job.tenant_id == tenant, Job.id == job_id)
    return (await connection.execute(statement)).scalar_one_or_none()


@dataclass(frozen=True)
class StatusCounts:
    """Jobs of one status, their items, and how many of these succeeded and failed."""

    status: str
    jobs: int
    items: int
    succeeded: int
    failed: int

    @property
    def rest(self) -> int:
        """Items without a result."""
        return self.items - self.succeeded - self.failed


async def counts_by_status(connection: AsyncConnection, tenant: str) -> dict[str, StatusCounts]:
    """Of the jobs of each status that there are."""
    statement = (
        select(
            Job.status,
            func.count().label("jobs"),
            func.sum(Job.total).label("items"),
            func.sum(Job.succeeded).label("succeeded"),
            func.sum(Job.failed).label("failed"),
        )
        .where(Job.tenant_id == tenant, Job.deleted_at.is_(None))
        .group_by(Job.status)
    )
    return {row.status: StatusCounts(*row) for row in await connection.execute(statement)}


async def open_on_lane(connection: AsyncConnection, lane: str) -> Sequence[OpenJob]:
    """Jobs whose first step takes turns on the lane, all tenants'."""
    columns = [getattr(Job, field.name) for field in fields(OpenJob)]
    mine = (Turn.lane == lane, Turn.step == 1, Turn.runnable)
    statement = select(*columns).join(Turn, Turn.job_id == Job.id).where(*mine).limit(MOST_OPEN)
    return [OpenJob(*row) for row in await connection.execute(statement)]


@dataclass(frozen=True)
class Used:
    """Tokens by kind, and dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    spent: Decimal = Decimal(0)


async def used_by_lane(connection: AsyncConnection, tenant: str) -> dict[str, Used]:
    """What all jobs have used so far, by the lane of their first step."""
    sums = [cast(func.sum(getattr(Job, field.name)), Job.__table__.c[field.name].type) for field in fields(Used)]
    statement = select(Job.lane, *sums).where(Job.tenant_id == tenant).group_by(Job.lane)
    return {lane: Used(*used) for lane, *used in await connection.execute(statement)}


async def in_flight_by_lane(connection: AsyncConnection, tenant: str) -> dict[str, int]:
    """Items in workers' hands, per lane."""
    statement = (
        select(Range.lane, func.sum(Range.stop - Range.start - Range.done).label("items"))
        .where(Range.tenant_id == tenant, Range.lease_token.is_not(None), Range.phase == Phase.CALL)
        .group_by(Range.lane)
    )
    return {row.lane: int(row.items) for row in await connection.execute(statement)}


@cache
def _view() -> Select[Any]:
    held = (
        select(
            func.coalesce(func.sum(Range.stop - Range.start - Range.done), 0).label("in_flight"),
            func.coalesce(func.sum(Range.reserved), 0).label("reserved"),
        )
        .where(Range.job_id == Job.id, Range.lease_token.is_not(None), Range.phase == Phase.CALL)
        .lateral("held")
    )
    columns = [column for column in Job.__table__.c if column.name not in {"prompt", "schema", "status_code"}]
    waits = and_(LaneOutage.lane.is_not(None), Job.status.in_(RUNNABLE), Job.ending.is_(None))
    # Read, not written: a lane may have thousands of jobs, and be down for a second.
    status_code = case((waits, StatusCode.UPSTREAM_DOWN.value), else_=Job.status_code).label("status_code")
    waiting_since = case((waits, LaneOutage.since)).label("waiting_since")
    return (
        select(*columns, status_code, waiting_since, held.c.in_flight, held.c.reserved)
        .select_from(Job)
        .join(held, true())
        .outerjoin(LaneOutage, LaneOutage.lane == Job.lane)
        .where(Job.deleted_at.is_(None))
    )


def _unknown(job_id: UUID) -> NotFound:
    return NotFound(f"No job has the id {ids.public('job', job_id)!r}.")
