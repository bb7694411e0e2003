"""Items as they are read: pages of them with their present status, and results in the manifest's order."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Text, and_, case, cast, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.jobs.lifecycle import TERMINAL, ItemStatus, JobStatus, Stage
from vision.storage.tables import Item, Range, Result

BATCH = 1_000


async def page(
    connection: AsyncConnection,
    job: RowMapping,
    *,
    limit: int,
    after: int,
    status: str | None,
) -> Sequence[RowMapping]:
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
        .where(Item.job_id == job["id"], Item.tenant_id == job["tenant_id"], Item.number > after)
        .order_by(Item.number)
        .limit(limit)
    )
    if status:
        statement = statement.where(present == status)
    rows: Sequence[RowMapping] = (await connection.execute(statement)).mappings().all()
    return rows


async def results(engine: AsyncEngine, job: RowMapping) -> AsyncIterator[Sequence[RowMapping]]:
    """Result rows in batches, by number: what is there so far, or, of a job that is over, one row an item.

    `answer` is JSON text.
    Every batch is a statement of its own on a connection of its own, so that a slow reader holds neither a
    transaction nor one of the pool's connections.
    """
    after = 0
    while True:
        async with engine.connect() as connection:
            rows = (await connection.execute(_results(job, after))).mappings().all()
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        after = rows[-1]["number"]


def rest_status(job: Mapping[Any, Any]) -> ItemStatus | None:
    """What the items without a result are once the job is over; None while it is not."""
    if job["status"] not in TERMINAL:
        return None
    if job["status"] == JobStatus.CANCELLED:
        return ItemStatus.CANCELLED
    return ItemStatus.EXPIRED if job["status"] == JobStatus.EXPIRED else ItemStatus.FAILED


def _unfinished(job: RowMapping) -> ColumnElement[str]:
    if rest := rest_status(job):
        return literal(rest.value)
    leased = exists().where(
        Range.job_id == Item.job_id,
        Range.stage == Stage.WORK,
        Range.lease_token.is_not(None),
        Range.start <= Item.number,
        Range.stop > Item.number,
    )
    return case((leased, ItemStatus.IN_FLIGHT.value), else_=ItemStatus.QUEUED.value)


def _results(job: RowMapping, after: int) -> Select[Any]:
    unread = {"job_id", "number", "tenant_id", "answer"}
    columns = [column for column in Result.__table__.c if column.name not in unread]
    # As text: answers go out as they are, and parsing them would be half of the work.
    answer = cast(Result.answer, Text).label("answer")
    driving = Item if rest_status(job) else Result
    return (
        _joined(Item.number, Item.custom_id, *columns, answer, outer=driving is Item)
        .where(driving.job_id == job["id"], driving.tenant_id == job["tenant_id"], driving.number > after)
        .order_by(driving.number)
        .limit(BATCH)
    )


def _joined(*columns: Any, outer: bool) -> Select[Any]:
    same = and_(Result.job_id == Item.job_id, Result.number == Item.number)
    return select(*columns).select_from(Item).join(Result, same, isouter=outer)
