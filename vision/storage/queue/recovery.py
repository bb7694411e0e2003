"""What dead workers left behind goes back to waiting; jobs past their deadline end; nothing here minds a second run."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.storage.outcomes.finish import finish_if_over
from vision.storage.queue.leases import NO_PROCESS

AT_ONCE = 20
"""Leases that are taken back in one transaction."""
MOST_CRASHES = 3
"""An item that was being decoded or sent when more workers died than this is held to be the cause."""
SPREAD_SECONDS = 30
"""From their second crash on, items come back one by one at random: the guilty one must not take the others along."""

_EXPIRED = text("""
    SELECT id, tenant_id, job_id, step, lane, stage, start, stop, attempt, crashes, decoding, sent, sent_costs,
           coalesce(worker, '') AS owner
    FROM ranges
    WHERE lease_token IS NOT NULL AND lease_until < now()
    ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED
""")

# An item is left behind if it has no result and was not handed on: that makes a newer range, never an older one.
_LEFT = """
    SELECT n AS number FROM generate_series(:start, :stop - 1) AS n
    WHERE NOT EXISTS (SELECT 1 FROM results x WHERE x.job_id = :job_id AND x.number = n)
      AND NOT EXISTS (SELECT 1 FROM ranges o WHERE o.job_id = :job_id AND o.id > :id AND n >= o.start AND n < o.stop)
"""

_UNKNOWN = text(f"""
    WITH missing AS ({_LEFT}), paid AS (
        INSERT INTO ledger (tenant_id, job_id, number, step, attempt, lane, outcome, cost, cost_is_known)
        SELECT :tenant_id, :job_id, number, :step, :attempt + 1, :lane, 'unknown', s.cost, false
        FROM missing JOIN (
            -- A mark that was written again after a broken connection stands there twice.
            SELECT number, max(cost) AS cost FROM unnest(CAST(:sent AS int[]), CAST(:sent_costs AS numeric[]))
                AS marked(number, cost) GROUP BY number) AS s USING (number)
        RETURNING cost)
    UPDATE jobs SET unknown_cost = unknown_cost + (SELECT coalesce(sum(cost), 0) FROM paid) WHERE id = :job_id
""")

_POISON = text(f"""
    WITH missing AS ({_LEFT}), failed AS (
        INSERT INTO results (tenant_id, job_id, number, step, status, error_code, error_message, attempts, cost)
        SELECT :tenant_id, :job_id, number, :step, 'failed', 'poison_item',
               'Workers died several times while they worked on this item; it is left out. Look at its image.',
               :attempt,
               (SELECT coalesce(sum(l.cost), 0) FROM ledger l WHERE l.job_id = :job_id AND l.number = missing.number)
        FROM missing WHERE number = ANY(CAST(:suspects AS int[])) ON CONFLICT DO NOTHING RETURNING 1)
    UPDATE jobs SET failed = failed + (SELECT count(*) FROM failed) WHERE id = :job_id
""")

_BACK = text(f"""
    WITH missing AS ({_LEFT})
    INSERT INTO ranges (tenant_id, job_id, step, lane, stage, start, stop, run_at, attempt, crashes)
    SELECT :tenant_id, :job_id, :step, :lane, :stage, min(number), max(number) + 1,
           now() + random() * :spread * interval '1 second', :attempt, :crashes
    FROM (SELECT number, number - (:spread = 0)::int * row_number() OVER (ORDER BY number) AS island
          FROM missing WHERE (number = ANY(CAST(:suspects AS int[]))) = :suspected) runs
    GROUP BY island
""")

_DROP = text("DELETE FROM ranges WHERE id = :id")


@dataclass(frozen=True)
class Reclaimed:
    """How many leases were taken back, and of how many jobs."""

    leases: int
    jobs: int


async def reclaim(engine: AsyncEngine) -> Reclaimed:
    """Give the items of expired leases back, those of the oldest few. What was sent stays set aside at its most."""
    async with engine.begin() as connection:
        leases = (await connection.execute(_EXPIRED, {"most": AT_ONCE})).mappings().all()
        jobs = {lease["job_id"]: [other for other in leases if other["job_id"] == lease["job_id"]] for lease in leases}
        for job_id in sorted(jobs):
            for lease in jobs[job_id]:
                await _give_back(connection, dict(lease))
            await finish_if_over(connection, job_id)
    return Reclaimed(len(leases), len(jobs))


_UP = text("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8")


async def server_seconds(engine: AsyncEngine) -> float:
    """For how long the database server has been running."""
    async with engine.connect() as connection:
        return float((await connection.execute(_UP)).scalar_one())


async def _give_back(connection: AsyncConnection, lease: dict[str, Any]) -> None:
    """Only what the dead worker set out to decode or send can be why it died; only what it sent can cost anything.

    An owner that is no process does not die: its time was over.
    """
    crashes = lease["crashes"] + 1
    if lease["sent"]:
        await connection.execute(_UNKNOWN, lease)
    died = not lease["owner"].startswith(NO_PROCESS)
    lease |= {"suspects": lease["decoding"] + lease["sent"] if died else []}
    await connection.execute(_BACK, {**lease, "suspected": False, "spread": 0})
    if lease["suspects"]:
        spread = SPREAD_SECONDS * (crashes - 1)
        values = {**lease, "suspected": True, "crashes": crashes, "spread": spread}
        await connection.execute(_POISON if crashes > MOST_CRASHES else _BACK, values)
    await connection.execute(_DROP, lease)


_OVERDUE = text("""
    SELECT id FROM jobs WHERE finished_at IS NULL AND (
        (expires_at < now() AND ending IS NULL) OR ending IS NOT NULL OR succeeded + failed = total)
    LIMIT 100
""")

_EXPIRE = text("""
    UPDATE jobs SET ending = 'expired', status_code = 'expiring'
    WHERE id = :job_id AND expires_at < now() AND ending IS NULL AND finished_at IS NULL
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
