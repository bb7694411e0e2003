"""Leases: a range that one owner works on, known by the range's id and a token that no other lease ever has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Lease = tuple[int, UUID]
"""Range id and token."""
NO_PROCESS = "@"
"""First character of an owner that is not a worker process; no host name begins with it."""


@dataclass(frozen=True, slots=True)
class Lessee:
    """The owner of a lease, and its duration.

    A worker process lives as long as it extends the lease. Another owner (a batch at the provider, a person) does not
    extend it: then the seconds are all the time that it has, and nothing has crashed when they are over.
    """

    owner: str
    seconds: float
    is_process: bool = True

    @property
    def name(self) -> str:
        """As it is stored."""
        return self.owner if self.is_process else f"{NO_PROCESS}{self.owner}"


_HOLD = text("""
    SELECT r.id, r.lease_token, r.lane FROM ranges r
    JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS h(id, token)
      ON r.id = h.id AND r.lease_token = h.token
    ORDER BY r.id FOR UPDATE OF r
""")


async def hold(connection: AsyncConnection, leases: Iterable[Lease]) -> dict[Lease, str]:
    """Lock those of these leases that still hold; returns their lanes."""
    wanted = list(set(leases))
    values = {"ids": [lease[0] for lease in wanted], "tokens": [lease[1] for lease in wanted]}
    return {(row.id, row.lease_token): row.lane for row in await connection.execute(_HOLD, values)}


_HEARTBEAT = text("""
    UPDATE ranges SET lease_until = now() + :seconds * interval '1 second' WHERE id = ANY(CAST(:ids AS bigint[]))
""")


async def extend(engine: AsyncEngine, leases: Sequence[Lease], seconds: float) -> set[int]:
    """Extend these leases; returns the range ids of those that still hold."""
    async with engine.begin() as connection:
        alive = {range_id for range_id, _ in await hold(connection, leases)}
        await connection.execute(_HEARTBEAT, {"ids": list(alive), "seconds": seconds})
    return alive
