"""Cancel, pause, resume, retry, delete. All are idempotent; Conflict where the job's state does not allow it."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Conflict
from vision.intake.context import IntakeContext
from vision.jobs import ids
from vision.jobs.lifecycle import PAUSE, RESUME, RETRY, StatusCode
from vision.jobs.reports.job_report import JobReport
from vision.jobs.wake_ups import Task
from vision.storage import deletion
from vision.storage.outcomes import finish, moves
from vision.storage.reports import jobs

Changed = TypeVar("Changed")


async def cancel(context: IntakeContext, tenant: str, job_id: UUID) -> JobReport:
    """Send nothing new; the job is cancelled once its calls in flight are done. Returns the job as it is now."""
    is_over, job = await _change(context, tenant, job_id, _cancel)
    await context.wake_ups.notify(Task.DELIVER if is_over else Task.LOOK)
    return job


async def pause(context: IntakeContext, tenant: str, job_id: UUID) -> JobReport:
    """Send nothing new until `resume`; calls in flight are finished. Returns the job as it is now."""
    is_paused, job = await _change(context, tenant, job_id, _pause)
    if is_paused:
        await context.wake_ups.notify(Task.LOOK)
        await context.wake_ups.notify(Task.DELIVER)
    return job


async def resume(context: IntakeContext, tenant: str, job_id: UUID) -> JobReport:
    """Go on with a paused job, whatever paused it. Returns the job as it is now."""
    lanes, job = await _change(context, tenant, job_id, _resume)
    await _notify(context, lanes)
    return job


async def retry(context: IntakeContext, tenant: str, job_id: UUID) -> JobReport:
    """Try the failed items of a finished job again; their cost so far stays in the ledger. Returns the job."""
    lanes, job = await _change(context, tenant, job_id, _retry)
    await _notify(context, lanes)
    return job


async def delete(context: IntakeContext, tenant: str, job_id: UUID) -> None:
    """Delete a job that is over. Its items, results, ledger and bytes are deleted later, in slices."""
    async with context.engine.begin() as connection:
        job = await jobs.lock(connection, tenant, job_id)
        if not job.is_over:
            raise _conflict(job, "is not over yet; cancel it, or wait until it is", "job_not_finished")
        await deletion.mark(connection, job.id)


async def _change(
    context: IntakeContext, tenant: str, job_id: UUID, work: Callable[[AsyncConnection, JobReport], Awaitable[Changed]]
) -> tuple[Changed, JobReport]:
    """Lock the job and do `work` in one transaction; returns what it returned, and the job afterwards. NotFound.

    The job is read before the commit, so that nothing can fail after it and no error can hide a change.
    The job is locked before its turn and its waiting ranges, as everywhere (see `vision.storage.queue.claims`).
    """
    async with context.engine.begin() as connection:
        changed = await work(connection, await jobs.lock(connection, tenant, job_id))
        return changed, await jobs.get(connection, tenant, job_id)


async def _cancel(connection: AsyncConnection, job: JobReport) -> bool:
    """Whether there is a webhook to deliver."""
    if job.ending:
        return False
    _refuse_terminal(job)
    return await moves.cancel(connection, job.id)


async def _pause(connection: AsyncConnection, job: JobReport) -> bool:
    """Whether there is a webhook to deliver."""
    if job.status == PAUSE.target:
        return False
    _refuse_terminal(job)
    _refuse_ending(job)
    return await finish.pause(connection, job.id, StatusCode.PAUSED_BY_USER)


async def _resume(connection: AsyncConnection, job: JobReport) -> list[str]:
    """The lanes to notify; none if the job was not paused."""
    _refuse_terminal(job)
    _refuse_ending(job)
    return await moves.resume(connection, job.id) if job.status in RESUME.sources else []


async def _retry(connection: AsyncConnection, job: JobReport) -> list[str]:
    """The lanes to notify."""
    if job.status not in RETRY.sources:
        raise _conflict(job, "is not finished", "job_not_finished")
    if job.total == job.succeeded:
        raise _conflict(job, "has no failed items", "nothing_failed")
    return await moves.retry(connection, job.id)


async def _notify(context: IntakeContext, lanes: Iterable[str]) -> None:
    for lane in lanes:
        await context.wake_ups.notify(Task.MEASURE, lane)
        await context.wake_ups.notify(Task.DISPATCH, lane)


def _refuse_terminal(job: JobReport) -> None:
    if job.is_over:
        raise _conflict(job, "is over already", "job_finished")


def _refuse_ending(job: JobReport) -> None:
    if job.ending:
        raise _conflict(job, "is about to end", "job_finished")


def _conflict(job: JobReport, reason: str, code: str) -> Conflict:
    return Conflict(f"{ids.public('job', job.id)} {reason} (status {job.status}).", code=code)
