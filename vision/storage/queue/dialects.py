"""Dialects that lanes have learned: one process at a time sends a call until one is taken.

Every statement is atomic and may come twice; Postgres's clock alone counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

PROBE_SECONDS = 10.0
"""How long a process keeps the right to send; a dead one delays the lane no longer."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Setting → value; `confirmed`: a call in this dialect was taken."""

    settings: Mapping[str, str]
    confirmed: bool


_READ = text("SELECT learned, confirmed FROM dialects WHERE lane = :lane AND address = :address")

_TAKE = text("""
    INSERT INTO dialects (lane, address, probe_until) VALUES (:lane, :address, now() + :seconds * interval '1 second')
    ON CONFLICT (lane) DO UPDATE SET
        address = excluded.address,
        learned = CASE WHEN dialects.address = excluded.address THEN dialects.learned ELSE '{}' END,
        changes = CASE WHEN dialects.address = excluded.address THEN dialects.changes ELSE 0 END,
        confirmed = false,
        probe_until = excluded.probe_until
    WHERE dialects.address <> excluded.address
       OR (NOT dialects.confirmed AND coalesce(dialects.probe_until < now(), true))
    RETURNING true
""")

_LEARN = text("""
    INSERT INTO dialects (lane, address, learned, changes, probe_until)
    VALUES (:lane, :address, cast(:settings AS jsonb), 1, now() + :seconds * interval '1 second')
    ON CONFLICT (lane) DO UPDATE SET
        address = excluded.address,
        learned = CASE WHEN dialects.address = excluded.address THEN dialects.learned ELSE '{}' END || excluded.learned,
        changes = CASE WHEN dialects.address = excluded.address THEN dialects.changes ELSE 0 END + 1,
        confirmed = false, probe_until = excluded.probe_until, changed_at = now()
""")

_CONFIRM = text("UPDATE dialects SET confirmed = true, probe_until = NULL WHERE lane = :lane AND address = :address")

_RELEASE = text("UPDATE dialects SET probe_until = NULL WHERE lane = :lane AND address = :address AND NOT confirmed")

_EVERY = text("SELECT lane, address, learned FROM dialects")


class Dialects:
    """The row of one lane. `address`: a hash; what was learned at another address does not count."""

    def __init__(self, engine: AsyncEngine, lane: str, address: str) -> None:
        self._engine = engine
        self._of = {"lane": lane, "address": address}

    async def read(self) -> Learned | None:
        """What is known; None: nothing."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(_READ, self._of)).one_or_none()
        return Learned(*row) if row else None

    async def take(self) -> bool:
        """Take the right to send the next call; False: it is taken, or not needed any more."""
        async with self._engine.begin() as connection:
            taken = await connection.execute(_TAKE, self._of | {"seconds": PROBE_SECONDS})
            return bool(taken.scalar_one_or_none())

    async def learn(self, settings: Mapping[str, str]) -> None:
        """Store other values; the right is kept."""
        await self._change(_LEARN, {"settings": orjson.dumps(settings).decode(), "seconds": PROBE_SECONDS})

    async def confirm(self) -> None:
        """Store that a call in this dialect was taken."""
        await self._change(_CONFIRM)

    async def release(self) -> None:
        """Give the right back."""
        await self._change(_RELEASE)

    async def _change(self, statement: TextClause, values: Mapping[str, object] = MappingProxyType({})) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(statement, {**self._of, **values})


async def every(connection: AsyncConnection) -> dict[tuple[str, str], Mapping[str, str]]:
    """(lane, address) → what was learned."""
    return {(lane, address): learned for lane, address, learned in await connection.execute(_EVERY)}
