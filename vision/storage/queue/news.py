"""Changes that a worker must notice soon, in one small query: stopped jobs, passed deadlines, lanes that are down."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.jobs.lifecycle import RUNNABLE, sql_list

_NEWS = text(f"""
    SELECT ARRAY(SELECT j.id FROM jobs j WHERE j.id = ANY(CAST(:ids AS uuid[])) AND (
                     j.ending IS NOT NULL OR j.status NOT IN ({sql_list(RUNNABLE)}) OR j.expires_at <= now())
           ) AS stopped,
           EXISTS (SELECT 1 FROM jobs WHERE finished_at IS NULL AND expires_at <= now() AND ending IS NULL) AS overdue,
           (SELECT json_object_agg(lane, extract(epoch FROM probe_at - now())) FROM lane_outages) AS outages
""")


@dataclass(frozen=True)
class News:
    """Of the jobs asked for those of which nothing new may be sent; whether some job is past its deadline and has not
    been ended; and lanes that are down, with the seconds until a call may find out whether they are back.
    """

    stopped: frozenset[UUID]
    overdue: bool
    outages: dict[str, float]


async def news(engine: AsyncEngine, job_ids: Sequence[UUID]) -> News:
    """Read the changes as of now."""
    async with engine.connect() as connection:
        row = (await connection.execute(_NEWS, {"ids": list(job_ids)})).one()
    return News(frozenset(row.stopped), row.overdue, row.outages or {})
