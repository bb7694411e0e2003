"""Pauses all jobs of a lane whose provider refuses every call."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.jobs.lifecycle import StatusCode
from vision.storage.outcomes.finish import pause

_RUNNABLE = text("SELECT job_id FROM turns WHERE lane = :lane AND runnable ORDER BY job_id")


async def pause_lane(engine: AsyncEngine, lane: str, code: str) -> int:
    """Pause all jobs that would call this lane; how many were paused now. They wait until someone resumes them."""
    async with engine.begin() as connection:
        job_ids = (await connection.execute(_RUNNABLE, {"lane": lane})).scalars().all()
        return sum([await pause(connection, job_id, StatusCode(code)) for job_id in job_ids])
