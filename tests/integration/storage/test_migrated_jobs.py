"""Migrations over a database that is in use: jobs in every state stay what they are, and go on to their end."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from alembic import command
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations import config, upgrade
from tests.factories import make_job, make_measured_job
from tests.queries import one, rows, run
from vision.jobs.lifecycle import ItemStatus, JobStatus, Phase, StatusCode
from vision.prices import Price, Usage
from vision.storage.outcomes import moves
from vision.storage.outcomes.finish import pause
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.outcomes.record import record
from vision.storage.queue import claims, deadlines, measurements, recovery
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee
from vision.storage.queue.measurements import Measurement

BEFORE_STEPS = "0007_file_uses"
PRICE = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test")
COST = Decimal("0.0002")
TABLES = ("jobs", "items", "ranges", "turns", "results", "ledger", "events", "deliveries")


async def take(engine: AsyncEngine, lane: str, want: int, phase: Phase = Phase.CALL) -> list[LeasedItem]:
    """The next items of the lane."""
    return await claims.claim(engine, lane, want, phase=phase, lessee=Lessee("test", 60), price=PRICE)


def answered(item: LeasedItem) -> Outcome:
    return Outcome(item, Charge("fake/lane", "succeeded", Usage(10, 1), COST), ItemStatus.SUCCEEDED, answer={})


def failed(item: LeasedItem) -> Outcome:
    return Outcome(item, status=ItemStatus.FAILED, error_code="image_corrupt", error_message="No.")


@dataclass(frozen=True)
class Jobs:
    """A database's jobs by the name of their state; each has a lane of its own, three items, and that name."""

    engine: AsyncEngine

    async def make(self, state: str, **columns: Any) -> UUID:
        return await make_measured_job(self.engine, 3, lane=f"fake/{state}", **columns)

    async def answer(self, state: str, count: int, *, leave: int = 0) -> None:
        """Answer so many items, and keep so many more leased."""
        items = await take(self.engine, f"fake/{state}", count + leave)
        await record(self.engine, [answered(item) for item in items[:count]])

    async def fill(self) -> None:
        """A job in each state that there is."""
        await self.make("queued")
        await make_job(self.engine, ["http://a/measuring"] * 3, lane="fake/measuring")
        await take(self.engine, "fake/measuring", 1, Phase.MEASURE)
        await self.make("running")
        await self.answer("running", 1, leave=1)
        await self.make("again")
        (item,) = await take(self.engine, "fake/again", 1)
        await record(self.engine, [Outcome(item, again_seconds=0.0)])
        for state, code in (("paused", StatusCode.PAUSED_BY_USER), ("capped", StatusCode.CAP_REACHED)):
            job_id = await self.make(state, max_cost=Decimal(5))
            await self.answer(state, 1, leave=1)
            async with self.engine.begin() as connection:
                assert await pause(connection, job_id, code)
        for state, leased in (("cancelling", 1), ("cancelled", 0)):
            job_id = await self.make(state, webhook_url="http://127.0.0.1:9/hook")
            await self.answer(state, 1, leave=leased)
            async with self.engine.begin() as connection:
                assert await moves.cancel(connection, job_id) == (not leased)
        for state, leased in (("expiring", 1), ("expired", 0)):
            job_id = await self.make(state)
            await self.answer(state, 1, leave=leased)
            await run(self.engine, "UPDATE jobs SET expires_at = now() - interval '1 s' WHERE id = :id", id=job_id)
        await deadlines.end_overdue(self.engine)
        await self.make("succeeded")
        await self.answer("succeeded", 3)
        await self.make("partly")
        items = await take(self.engine, "fake/partly", 3)
        await record(self.engine, [answered(items[0]), *map(failed, items[1:])])

    async def states(self) -> dict[str, tuple[str, str, str | None]]:
        found = await rows(self.engine, "SELECT model, status, status_code, ending FROM jobs")
        return {row.model: (row.status, row.status_code, row.ending) for row in found}

    async def content(self) -> dict[str, list[str]]:
        """All rows that a migration must keep."""
        found = {
            table: await rows(self.engine, f"SELECT to_jsonb(t)::text AS row FROM {table} t ORDER BY 1")
            for table in TABLES
        }
        return {table: [row.row for row in of_table] for table, of_table in found.items()}


async def test_jobs_in_every_state_stay_as_they_are_and_come_to_their_end(
    engine: AsyncEngine, database_url: str
) -> None:
    jobs = Jobs(engine)
    await jobs.fill()
    before, states = await jobs.content(), await jobs.states()
    assert {status for status, _, _ in states.values()} == set(JobStatus) - {JobStatus.FAILED}
    command.downgrade(config(database_url), BEFORE_STEPS)
    upgrade(database_url)
    await engine.dispose()  # its connections remember the older columns
    assert await jobs.content() == before
    await _work_off(engine, states)
    ended = await jobs.states()
    assert {state: status for state, (status, _, _) in ended.items()} == {
        state: states[state][2] or (states[state][0] if states[state][0] in {"cancelled", "expired"} else "succeeded")
        for state in states
    }
    counts = await rows(engine, "SELECT job_id, count(*) AS n FROM results GROUP BY job_id HAVING count(*) > 3")
    assert counts == [], "no item has two results"
    for table in ("ranges", "turns"):
        assert (await one(engine, f"SELECT count(*) AS n FROM {table}")).n == 0


async def _work_off(engine: AsyncEngine, states: dict[str, Any]) -> None:
    """Dead workers' leases come back, callers resume and retry, and every item is answered."""
    await run(engine, "UPDATE ranges SET lease_until = now() - interval '1 s' WHERE lease_token IS NOT NULL")
    await recovery.reclaim(engine)
    async with engine.begin() as connection:
        for row in await rows(engine, "SELECT id, model, status FROM jobs"):
            if row.status == "paused":
                await moves.resume(connection, row.id)
            if row.model == "partly":
                await moves.retry(connection, row.id)
    for lane in [f"fake/{state}" for state in states]:
        while items := await take(engine, lane, 3, Phase.MEASURE):
            await measurements.store(engine, [Measurement(item, 640, 480, 1_000, COST) for item in items], [])
        while items := await take(engine, lane, 3):
            await record(engine, [answered(item) for item in items])
