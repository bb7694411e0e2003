"""Cancel, pause, resume, retry. Each may be asked for twice; Conflict where the job's state does not allow it.

Locks are taken in the order in which a claim takes them: the turn, ranges, the job.
"""

from uuid import UUID

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vision import ids
from vision.errors import Conflict
from vision.intake.desk import Desk
from vision.lifecycle import TERMINAL, JobStatus, StatusCode
from vision.queue import Task
from vision.storage import admission, finish, jobs
from vision.storage.tables import Job, Range, Result, Turn


async def cancel(desk: Desk, tenant: str, job_id: UUID) -> None:
    """Send nothing new; the job is cancelled once its calls in flight are done, which may be now."""
    async with desk.engine.begin() as connection:
        job = await _locked(connection, tenant, job_id)
        if job["ending"]:
            return
        if job["status"] in TERMINAL:
            raise _conflict(job, "is over already", "job_finished")
        await connection.execute(delete(Turn).where(Turn.job_id == job_id))
        await _set(connection, job_id, ending=JobStatus.CANCELLED, status_code=StatusCode.CANCELLING)
        over = await finish.finish_if_over(connection, job_id)
    if over:
        await desk.bell.ring(Task.DELIVER)


async def pause(desk: Desk, tenant: str, job_id: UUID) -> None:
    """Send nothing new until `resume`; calls in flight are finished."""
    async with desk.engine.begin() as connection:
        job = await _locked(connection, tenant, job_id)
        if job["status"] == JobStatus.PAUSED:
            return
        _refuse_ended(job)
        await finish.pause(connection, job_id, StatusCode.PAUSED_BY_USER)
    await desk.bell.ring(Task.DELIVER)


async def resume(desk: Desk, tenant: str, job_id: UUID) -> None:
    """Go on with a paused job, whatever paused it."""
    async with desk.engine.begin() as connection:
        job = await _locked(connection, tenant, job_id)
        _refuse_ended(job)
        if job["status"] != JobStatus.PAUSED:
            return
        await connection.execute(update(Turn).where(Turn.job_id == job_id).values(runnable=True))
        started = func.coalesce(Job.started_at, func.now())
        await _set(connection, job_id, status=JobStatus.RUNNING, status_code=StatusCode.WORKING, started_at=started)
    await _ring(desk, job["lane"])


async def retry(desk: Desk, tenant: str, job_id: UUID) -> None:
    """Take the failed items of a finished job up again; what they cost so far stays in the ledger."""
    async with desk.engine.begin() as connection:
        job = await _locked(connection, tenant, job_id)
        if job["status"] not in {JobStatus.SUCCEEDED, JobStatus.FAILED}:
            raise _conflict(job, "is not finished", "job_not_finished")
        if job["total"] == job["succeeded"]:
            raise _conflict(job, "has no failed items", "nothing_failed")
        await connection.execute(delete(Result).where(Result.job_id == job_id, Result.status == "failed"))
        await connection.execute(delete(Range).where(Range.job_id == job_id, Range.lease_token.is_(None)))
        await connection.execute(delete(Turn).where(Turn.job_id == job_id))
        await admission.readmit(connection, job_id)
        await admission.add_turn(connection, job)
        await _set(
            connection,
            job_id,
            status=JobStatus.RUNNING,
            status_code=StatusCode.WORKING,
            failed=0,
            ending=None,
            finished_at=None,
            # A deadline that has passed would end the second try before it began.
            expires_at=func.nullif(func.greatest(Job.expires_at, func.now()), func.now()),
        )
    await _ring(desk, job["lane"])


async def _locked(connection: AsyncConnection, tenant: str, job_id: UUID) -> RowMapping:
    owned = (Turn.tenant_id == tenant, Turn.job_id == job_id)
    await connection.execute(select(Turn.job_id).where(*owned).with_for_update())
    waiting = select(Range.id).where(Range.tenant_id == tenant, Range.job_id == job_id, Range.lease_token.is_(None))
    await connection.execute(waiting.order_by(Range.id).with_for_update())
    return await jobs.lock(connection, tenant, job_id)


async def _set(connection: AsyncConnection, job_id: UUID, **values: object) -> None:
    await connection.execute(update(Job).where(Job.id == job_id).values(**values))


async def _ring(desk: Desk, lane: str) -> None:
    await desk.bell.ring(Task.MEASURE, lane)
    await desk.bell.ring(Task.PUMP, lane)


def _refuse_ended(job: RowMapping) -> None:
    if job["status"] in TERMINAL or job["ending"]:
        raise _conflict(job, "is over, or about to be", "job_finished")


def _conflict(job: RowMapping, reason: str, code: str) -> Conflict:
    return Conflict(f"{ids.public('job', job['id'])} {reason} (status {job['status']}).", code=code)
