"""Lanes that are down: opened once, probed by one process at a time, closed by the first call that succeeds.

Every statement is atomic and may come twice; Postgres's clock alone counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

DOUBLINGS = 3
"""Waits between probes: 1, 2, 4, then 8 seconds, so that work goes on within ten of the return."""
LONGEST_STATED_SECONDS = 60.0
"""A wait that the provider states counts instead, up to this."""
FORGOTTEN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Outage:
    """A lane that is down: since when, its last error, and when it is probed next."""

    lane: str
    since: datetime
    code: str
    message: str
    probe_at: datetime


_OPEN = text("""
    INSERT INTO lane_outages (lane, code, message, probe_at, probes)
    VALUES (:lane, :code, :message, now() + :seconds * interval '1 second', :probes)
    ON CONFLICT (lane) DO NOTHING
""")

_PROBE = text("""
    UPDATE lane_outages SET probes = least(probes + 1, :most),
                            probe_at = now() + 2 ^ least(probes + 1, :most) * interval '1 second'
    WHERE lane = :lane AND probe_at <= now()
    RETURNING extract(epoch FROM probe_at - now())::float8
""")

_STILL = text("""
    UPDATE lane_outages SET code = :code, message = :message,
                            probe_at = greatest(probe_at, now() + :seconds * interval '1 second')
    WHERE lane = :lane
""")

_CLOSE = text("DELETE FROM lane_outages WHERE lane = :lane RETURNING extract(epoch FROM now() - since)::float8")

# Where nothing waits nobody would find out that the lane is back.
_FORGET = text("""
    DELETE FROM lane_outages o WHERE probe_at < now() - :seconds * interval '1 second'
    AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.lane = o.lane AND t.runnable)
""")

_EVERY = text("SELECT lane, since, code, message, probe_at FROM lane_outages")


def first_wait(doublings: int, stated: float) -> float:
    """Seconds until the first probe: the longer of our wait and the one that the provider states."""
    return max(2.0**doublings, min(stated, LONGEST_STATED_SECONDS))


async def open_(engine: AsyncEngine, lane: str, code: str, message: str, *, doublings: int, stated: float) -> bool:
    """Store that the lane is down; returns whether it was up before. `doublings`: 0 to DOUBLINGS."""
    seconds = first_wait(doublings, stated)
    values = {"lane": lane, "code": code, "message": message, "seconds": seconds, "probes": doublings}
    return bool(await _changed(engine, _OPEN, values))


async def probe(engine: AsyncEngine, lane: str) -> float | None:
    """Take the probe that is due; returns seconds until the next one; None: not due, or taken."""
    async with engine.begin() as connection:
        found = await connection.execute(_PROBE, {"lane": lane, "most": DOUBLINGS})
        return found.scalar_one_or_none()


async def keep_open(engine: AsyncEngine, lane: str, code: str, message: str, *, stated: float) -> None:
    """Store a failed probe; the next one is due no sooner than the provider states."""
    values = {"lane": lane, "code": code, "message": message, "seconds": min(stated, LONGEST_STATED_SECONDS)}
    await _changed(engine, _STILL, values)


async def close(engine: AsyncEngine, lane: str) -> float | None:
    """Store that the lane is up; returns for how many seconds it was down, None if another process was first."""
    async with engine.begin() as connection:
        return (await connection.execute(_CLOSE, {"lane": lane})).scalar_one_or_none()


async def forget(engine: AsyncEngine) -> None:
    """Drop outages of lanes on which nothing waits any more."""
    await _changed(engine, _FORGET, {"seconds": FORGOTTEN_SECONDS})


async def every(connection: AsyncConnection) -> list[Outage]:
    """All lanes that are down."""
    return [Outage(*row) for row in await connection.execute(_EVERY)]


async def _changed(engine: AsyncEngine, statement: TextClause, values: Mapping[str, object]) -> int:
    async with engine.begin() as connection:
        return int((await connection.execute(statement, values)).rowcount)
