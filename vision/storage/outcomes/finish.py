"""How a job ends or pauses, and the event that says so, in one transaction with what caused it."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.jobs import ids
from vision.jobs.lifecycle import CANCEL, EXPIRE, PAUSE, SUCCEED, TERMINAL, Move, StatusCode, sql_list
from vision.jobs.money import money
from vision.jobs.reports.job_report import JobReport
from vision.outbound import webhooks

_LOCK = text("SELECT * FROM jobs WHERE id = :job_id FOR NO KEY UPDATE")

_DROP_WAITING = text("DELETE FROM ranges WHERE job_id = :job_id AND lease_token IS NULL")

_LEASED = text("SELECT EXISTS (SELECT 1 FROM ranges WHERE job_id = :job_id AND lease_token IS NOT NULL)")

_END = text("""
    UPDATE jobs SET status = :status, status_code = :code, finished_at = now(), started_at = coalesce(started_at, now())
    WHERE id = :job_id AND status = ANY(:sources) RETURNING *
""")

_DROP_TURN = text("DELETE FROM turns WHERE job_id = :job_id")

_PAUSE = text(f"""
    UPDATE jobs SET status = '{PAUSE.target}', status_code = :code
    WHERE id = :job_id AND status IN ({sql_list(PAUSE.sources)}) AND ending IS NULL RETURNING *
""")

_IN_FLIGHT = text("""
    SELECT coalesce(sum(stop - start - done), 0)::int FROM ranges
    WHERE job_id = :job_id AND lease_token IS NOT NULL AND phase = 'call'
""")

_STILL = text("UPDATE turns SET runnable = false WHERE job_id = :job_id")

_EVENT = text("""
    INSERT INTO events (id, tenant_id, job_id, sequence, type, body)
    SELECT :id, :tenant_id, :job_id, coalesce(max(sequence), 0) + 1, :type, :body FROM events WHERE job_id = :job_id
""")

_DELIVERY = text("""
    INSERT INTO deliveries (id, tenant_id, job_id, event_id, url, status, next_attempt_at)
    VALUES (:id, :tenant_id, :job_id, :event_id, :url, 'pending', now())
""")

_ENDINGS: dict[str, tuple[Move, StatusCode]] = {
    CANCEL.target: (CANCEL, StatusCode.CANCELLED_BY_USER),
    EXPIRE.target: (EXPIRE, StatusCode.DEADLINE_PASSED),
}
"""By what a job's `ending` says."""


async def finish_if_over(connection: AsyncConnection, job_id: UUID) -> bool:
    """Make the job terminal if nothing is left to do, with its event and delivery. Idempotent; locks the job's row."""
    job = (await connection.execute(_LOCK, {"job_id": job_id})).one()
    if job.status in TERMINAL:
        return False
    if job.succeeded + job.failed == job.total:
        move, code = SUCCEED, StatusCode.DONE
    elif job.ending:
        await connection.execute(_DROP_WAITING, {"job_id": job_id})
        if (await connection.execute(_LEASED, {"job_id": job_id})).scalar_one():
            return False
        move, code = _ENDINGS[job.ending]
    else:
        return False
    values = {"job_id": job_id, "status": move.target, "code": code, "sources": list(move.sources)}
    ended = (await connection.execute(_END, values)).mappings().one()
    await connection.execute(_DROP_TURN, {"job_id": job_id})
    await _announce(connection, JobReport.of(ended))
    return True


async def pause(connection: AsyncConnection, job_id: UUID, code: StatusCode) -> bool:
    """Send nothing new of this job until it is resumed; what is in flight is recorded as it comes back."""
    job = (await connection.execute(_PAUSE, {"job_id": job_id, "code": code})).mappings().one_or_none()
    if job is None:
        return False
    await connection.execute(_STILL, {"job_id": job_id})
    await _announce(connection, JobReport.of(job))
    return True


async def _announce(connection: AsyncConnection, job: JobReport) -> None:
    """Write the event of a job's new state, and its delivery if the job has a webhook."""
    if not job.is_over:
        in_flight = (await connection.execute(_IN_FLIGHT, {"job_id": job.id})).scalar_one()
        job = replace(job, in_flight=in_flight)
    event_id, kind = ids.new(), webhooks.EventType(f"job.{job.status}")
    body = webhooks.body(ids.public("evt", event_id), kind, datetime.now(UTC), _summary(job))
    values = {"id": event_id, "tenant_id": job.tenant_id, "job_id": job.id, "type": kind, "body": body}
    await connection.execute(_EVENT, values)
    if job.webhook_url:
        delivery = {"id": ids.new(), "event_id": event_id, "url": job.webhook_url}
        await connection.execute(_DELIVERY, {**delivery, "tenant_id": job.tenant_id, "job_id": job.id})


def _summary(job: JobReport) -> dict[str, object]:
    """What an event tells of a job: id, state, counts and money as polling shows them, never results."""
    return {
        "id": ids.public("job", job.id),
        "object": "job",
        "status": job.status,
        "status_code": job.status_code,
        "request_counts": asdict(job.counts),
        "cost": {"currency": "USD", "spent": money(job.spent)},
        "metadata": job.metadata,
    }
