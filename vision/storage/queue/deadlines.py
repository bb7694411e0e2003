"""Jobs whose deadline has passed end, as do those whose ending was left unfinished. Every step may run twice."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.jobs.lifecycle import EXPIRE, StatusCode, sql_list
from vision.storage.outcomes.finish import finish_if_over

_OVERDUE = text("""
    SELECT id FROM jobs WHERE finished_at IS NULL AND (
        (expires_at < now() AND ending IS NULL) OR ending IS NOT NULL OR succeeded + failed = total)
    LIMIT 100
""")

_EXPIRE = text(f"""
    UPDATE jobs SET ending = '{EXPIRE.target}', status_code = '{StatusCode.EXPIRING}'
    WHERE id = :job_id AND expires_at < now() AND ending IS NULL AND status IN ({sql_list(EXPIRE.sources)})
""")

_DROP_TURN = text("DELETE FROM turns WHERE job_id = :job_id")


async def end_overdue(engine: AsyncEngine) -> int:
    """End the jobs whose deadline has passed or whose ending was left unfinished; how many ended now."""
    async with engine.connect() as connection:
        job_ids = (await connection.execute(_OVERDUE)).scalars().all()
    ended = 0
    for job_id in job_ids:
        async with engine.begin() as connection:
            if (await connection.execute(_EXPIRE, {"job_id": job_id})).rowcount:
                await connection.execute(_DROP_TURN, {"job_id": job_id})
            ended += await finish_if_over(connection, job_id)
    return ended
