"""Items as they are read: pages of them with their present status, and results in the manifest's order."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.jobs.lifecycle import ItemStatus, Phase
from vision.jobs.reports.item_report import ItemReport, ResultReport
from vision.jobs.reports.job_report import JobReport
from vision.storage.tables import Item, Range, Result

BATCH = 1_000


async def page(
    connection: AsyncConnection,
    job: JobReport,
    *,
    limit: int,
    after: int,
    status: str | None,
) -> list[ItemReport]:
    """Items of a job from the one after number `after` on, in the manifest's order."""
    present = func.coalesce(Result.status, _unfinished(job)).label("status")
    statement = (
        _joined(
            Item.number,
            Item.custom_id,
            Item.width,
            Item.height,
            func.coalesce(Result.image_tokens, Item.image_tokens).label("image_tokens"),
            func.coalesce(Result.attempts, 0).label("attempts"),
            Result.error_code,
            Result.error_message,
            present,
            outer=True,
        )
        .where(Item.job_id == job.id, Item.tenant_id == job.tenant_id, Item.number > after)
        .order_by(Item.number)
        .limit(limit)
    )
    if status:
        statement = statement.where(present == status)
    return [ItemReport._make(row) for row in await connection.execute(statement)]


async def results(engine: AsyncEngine, job: JobReport) -> AsyncIterator[Sequence[ResultReport]]:
    """Results in batches, by number: what is there so far, or, of a job that is over, one row an item.

    Every batch is a statement of its own on a connection of its own, so that a slow reader holds neither a
    transaction nor one of the pool's connections.
    """
    after = 0
    while True:
        async with engine.connect() as connection:
            found = [ResultReport._make(row) for row in await connection.execute(_results(job, after))]
        if found:
            yield found
        if len(found) < BATCH:
            return
        after = found[-1].number


def _unfinished(job: JobReport) -> ColumnElement[str]:
    if unfinished := job.unfinished_status:
        return literal(unfinished.value)
    leased = exists().where(
        Range.job_id == Item.job_id,
        Range.phase == Phase.CALL,
        Range.lease_token.is_not(None),
        Range.start <= Item.number,
        Range.stop > Item.number,
    )
    return case((leased, ItemStatus.IN_FLIGHT.value), else_=ItemStatus.QUEUED.value)


def _results(job: JobReport, after: int) -> Select[Any]:
    _, _, *names, _ = ResultReport._fields
    columns = [getattr(Result, name) for name in names]
    # As text: answers go out as they are, and parsing them would be half of the work.
    answer = cast(Result.answer, Text).label("answer")
    driving = Item if job.is_over else Result
    return (
        _joined(Item.number, Item.custom_id, *columns, answer, outer=driving is Item)
        .where(driving.job_id == job.id, driving.tenant_id == job.tenant_id, driving.number > after)
        .order_by(driving.number)
        .limit(BATCH)
    )


def _joined(*columns: Any, outer: bool) -> Select[Any]:
    same = and_(Result.job_id == Item.job_id, Result.number == Item.number)
    return select(*columns).select_from(Item).join(Result, same, isouter=outer)
