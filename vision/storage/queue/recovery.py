"""Items that dead workers left behind go back to waiting. Every step may run twice."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.storage.outcomes.finish import finish_if_over
from vision.storage.queue.leases import NO_PROCESS

AT_ONCE = 20
"""Leases that are taken back in one transaction."""
MOST_CRASHES = 3
"""An item that was being decoded or sent when more workers died than this counts as the cause."""
SPREAD_SECONDS = 30
"""From the second crash on, items come back one by one at random times, so that the bad one harms no others."""

_EXPIRED = text("""
    SELECT id, tenant_id, job_id, step, lane, phase, start, stop, attempt, crashes, decoding, sent, sent_costs,
           coalesce(worker, '') AS owner
    FROM ranges
    WHERE lease_token IS NOT NULL AND lease_until < now()
    ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED
""")


@dataclass(frozen=True, slots=True)
class _ExpiredLease:
    """A range whose lease was not extended in time. `decoding`, `sent`: numbers of the items marked so."""

    id: int
    tenant_id: str
    job_id: UUID
    step: int
    lane: str
    phase: str
    start: int
    stop: int
    attempt: int
    crashes: int
    decoding: list[int]
    sent: list[int]
    sent_costs: list[Decimal]
    owner: str

    @property
    def suspects(self) -> list[int]:
        """Items that may have killed the worker. An owner that is no process cannot die: its time was over."""
        return [] if self.owner.startswith(NO_PROCESS) else self.decoding + self.sent


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
    INSERT INTO ranges (tenant_id, job_id, step, lane, phase, start, stop, run_at, attempt, crashes)
    SELECT :tenant_id, :job_id, :step, :lane, :phase, min(number), max(number) + 1,
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
    """Give back the items of the oldest expired leases. Calls that were sent are booked as unknown, at their most."""
    by_job: defaultdict[UUID, list[_ExpiredLease]] = defaultdict(list)
    async with engine.begin() as connection:
        for row in await connection.execute(_EXPIRED, {"most": AT_ONCE}):
            by_job[row.job_id].append(_ExpiredLease(*row))
        for job_id in sorted(by_job):
            for lease in by_job[job_id]:
                await _give_back(connection, lease)
            await finish_if_over(connection, job_id)
    return Reclaimed(sum(len(leases) for leases in by_job.values()), len(by_job))


async def _give_back(connection: AsyncConnection, lease: _ExpiredLease) -> None:
    """Only items being decoded or sent can have killed the worker; only calls that were sent can cost anything."""
    values = {**asdict(lease), "suspects": lease.suspects}
    if lease.sent:
        await connection.execute(_UNKNOWN, values)
    await connection.execute(_BACK, {**values, "suspected": False, "spread": 0})
    if lease.suspects:
        crashes = lease.crashes + 1
        values |= {"suspected": True, "crashes": crashes, "spread": SPREAD_SECONDS * lease.crashes}
        await connection.execute(_POISON if crashes > MOST_CRASHES else _BACK, values)
    await connection.execute(_DROP, values)


_UP = text("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8")


async def server_seconds(engine: AsyncEngine) -> float:
    """For how long the database server has been running."""
    async with engine.connect() as connection:
        return float((await connection.execute(_UP)).scalar_one())
