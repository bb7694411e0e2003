"""Marks on leased items: what a worker is about to do with them.

Should it die, this tells what may have been paid for and which items may have been the cause; all others go back
as they were. Writing it is also the last look before a call: a lease that has run out, or a job that is to send nothing
more, is found out here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.jobs.lifecycle import RUNNABLE, sql_list
from vision.storage.outcomes.recordset import recordset
from vision.storage.queue.leased_item import LeasedItem


class Step(StrEnum):
    """What is about to happen to an item."""

    DECODING = "decoding"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class Mark:
    """An item, and what is about to happen to it."""

    item: LeasedItem
    step: Step


# Rows of leases are locked in the order of their ids, as everywhere (vision/storage/queue/claims/__init__.py).
_MARK = text(f"""
    WITH x AS (SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS x(id bigint, token uuid, number int, step text,
                                                                        cost numeric)),
         held AS (SELECT r.id, r.lease_token FROM ranges r JOIN jobs j ON j.id = r.job_id
                  WHERE (r.id, r.lease_token) IN (SELECT x.id, x.token FROM x)
                    AND j.ending IS NULL AND j.status IN ({sql_list(RUNNABLE)})
                  ORDER BY r.id FOR UPDATE OF r),
         marked AS (SELECT held.id,
                        coalesce(array_agg(x.number) FILTER (WHERE x.step = 'decoding'), '{{}}') AS decoding,
                        coalesce(array_agg(x.number ORDER BY x.number) FILTER (WHERE x.step = 'sent'), '{{}}') AS sent,
                        coalesce(array_agg(x.cost ORDER BY x.number) FILTER (WHERE x.step = 'sent'), '{{}}') AS costs
                    FROM held JOIN x ON x.id = held.id AND x.token = held.lease_token GROUP BY held.id)
    UPDATE ranges r SET decoding = r.decoding || m.decoding, sent = r.sent || m.sent,
                        sent_costs = r.sent_costs || m.costs
    FROM marked m WHERE r.id = m.id RETURNING r.lease_token
""")


async def write(engine: AsyncEngine, marks: Sequence[Mark]) -> set[UUID]:
    """Write these marks; returns the tokens of leases that still hold, of jobs that are neither paused nor ending."""
    async with engine.begin() as connection:
        return await _write(connection, marks)


async def _write(connection: AsyncConnection, marks: Sequence[Mark]) -> set[UUID]:
    rows = [
        {
            "id": mark.item.range_id,
            "token": mark.item.token,
            "number": mark.item.number,
            "step": mark.step,
            "cost": mark.item.reserved,
        }
        for mark in marks
    ]
    return set((await connection.execute(_MARK, {"rows": recordset(rows)})).scalars())


class Writer:
    """Writes marks on a connection of its own, each statement a transaction: at less than half the cost of `write`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    async def write(self, marks: Sequence[Mark]) -> set[UUID]:
        """As `write`; after an error the next call takes a new connection."""
        if self._connection is None:
            connection = await self._engine.connect()
            self._connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        try:
            return await _write(self._connection, marks)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Give the connection back, or drop it if it is broken."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
