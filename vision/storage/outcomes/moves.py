"""Moves of a job that users ask for: cancel, resume, retry. The calling code has locked the job's row."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.jobs.lifecycle import CANCEL, RESUME, RETRY, StatusCode, sql_list
from vision.storage import admission
from vision.storage.outcomes.finish import finish_if_over

_DROP_TURNS = text("DELETE FROM turns WHERE job_id = :job_id")

_DROP_WAITING = text("DELETE FROM ranges WHERE job_id = :job_id AND lease_token IS NULL")

_CANCEL = text(f"""
    UPDATE jobs SET ending = '{CANCEL.target}', status_code = '{StatusCode.CANCELLING}'
    WHERE id = :job_id AND status IN ({sql_list(CANCEL.sources)})
""")

_RESUME = text(f"""
    UPDATE jobs SET status = '{RESUME.target}', status_code = '{StatusCode.WORKING}',
                    started_at = coalesce(started_at, now())
    WHERE id = :job_id AND status IN ({sql_list(RESUME.sources)})
""")

# A deadline that has passed would end the second try before it began.
_RETRY = text(f"""
    UPDATE jobs SET status = '{RETRY.target}', status_code = '{StatusCode.WORKING}', ending = NULL, finished_at = NULL,
                    failed = 0, expires_at = nullif(greatest(expires_at, now()), now())
    WHERE id = :job_id AND status IN ({sql_list(RETRY.sources)})
""")


async def cancel(connection: AsyncConnection, job_id: UUID) -> bool:
    """Stop an open job; returns whether it has ended already, because no call was in flight."""
    await connection.execute(_DROP_TURNS, {"job_id": job_id})
    await connection.execute(_CANCEL, {"job_id": job_id})
    return await finish_if_over(connection, job_id)


async def resume(connection: AsyncConnection, job_id: UUID) -> list[str]:
    """Go on with a paused job; returns its lanes."""
    lanes = await admission.return_turns(connection, job_id)
    await connection.execute(_RESUME, {"job_id": job_id})
    return lanes


async def retry(connection: AsyncConnection, job_id: UUID) -> list[str]:
    """Try the failed items of an ended job again; returns their lanes."""
    await connection.execute(_DROP_WAITING, {"job_id": job_id})
    await connection.execute(_DROP_TURNS, {"job_id": job_id})
    lanes = await admission.readmit_failed(connection, job_id)
    await connection.execute(_RETRY, {"job_id": job_id})
    return lanes
