"""The sweep: all that dead workers left comes back at once, but nothing of those who were only cut off."""

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_measured_job
from tests.integration.storage.test_recovery import die, take
from tests.queries import one, run
from vision.storage.queue import recovery
from vision.storage.queue.leases import extend
from worker.sweep import Contact, sweep

HOUR = 3_600.0

LEASE_EACH = """
    WITH whole AS (DELETE FROM ranges WHERE job_id = :job_id RETURNING *)
    INSERT INTO ranges (tenant_id, job_id, lane, phase, start, stop, lease_token, lease_until, worker)
    SELECT tenant_id, job_id, lane, phase, n, n + 1, gen_random_uuid(), now() - interval '1 s', 'dead'
    FROM whole, generate_series(whole.start, whole.stop - 1) AS n
"""


class Clock:
    """Seconds that pass when told. They begin late: the server has been running for some seconds by then."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def leased(engine: AsyncEngine) -> int:
    """How many leases there are."""
    return int((await one(engine, "SELECT count(*) AS many FROM ranges WHERE lease_token IS NOT NULL")).many)


async def look(engine: AsyncEngine, contact: Contact) -> None:
    """A sweep that begins nothing."""
    await sweep(engine, lambda *_: None, contact)


async def test_one_sweep_takes_everything_back(engine: AsyncEngine) -> None:
    job_id = await make_measured_job(engine, 500)
    await run(engine, LEASE_EACH, job_id=job_id)
    await look(engine, Contact(0.0))
    assert await leased(engine) == 0
    waiting = await one(engine, "SELECT sum(stop - start) AS items FROM ranges")
    assert waiting.items == 500


async def test_who_was_only_cut_off_keeps_its_leases(engine: AsyncEngine) -> None:
    """The database was away for longer than a lease; the worker that lives extends its own when it is back."""
    clock = Clock()
    contact = Contact(1.0, clock)
    await make_measured_job(engine, 2)
    (alive,), _ = await take(engine, 1), await take(engine, 1)
    clock.now += 60
    contact.lost()
    await die(engine)
    await look(engine, contact)
    assert await leased(engine) == 2
    assert await extend(engine, [alive.lease], 60) == {alive.range_id}
    clock.now += 0.9
    await look(engine, contact)
    assert await leased(engine) == 2
    clock.now += 0.2
    await look(engine, contact)
    assert await leased(engine) == 1


async def test_the_server_tells_for_how_long_it_has_been_running(engine: AsyncEngine) -> None:
    first = await recovery.server_seconds(engine)
    assert 0 < first < await recovery.server_seconds(engine) < 24 * HOUR
