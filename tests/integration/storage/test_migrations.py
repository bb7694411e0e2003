"""Migrations: they make what the tables say, may be run twice, and go back."""

import asyncio
import subprocess
import sys

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations import config, upgrade
from tests.factories import make_measured_job
from tests.queries import one, rows, run
from vision.jobs.lifecycle import Phase
from vision.storage.queue import claims
from vision.storage.queue.leases import Lessee
from vision.storage.tables import Table


def tables(database_url: str) -> set[str]:
    engine = create_engine(database_url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_there_is_one_newest_revision(database_url: str) -> None:
    script = ScriptDirectory.from_config(config(database_url))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def test_the_migrations_make_what_the_tables_say(database_url: str) -> None:
    command.check(config(database_url))


def test_upgrading_twice_is_harmless(database_url: str) -> None:
    before = tables(database_url)
    upgrade(database_url)
    upgrade(database_url)
    assert tables(database_url) == before == set(Table.metadata.tables) | {"alembic_version"}


def test_down_to_nothing_and_up_again(database_url: str) -> None:
    command.downgrade(config(database_url), "base")
    assert tables(database_url) == {"alembic_version"}
    upgrade(database_url)
    command.check(config(database_url))


async def test_jobs_from_before_weights_have_weight_1(engine: AsyncEngine, database_url: str) -> None:
    job_id = await make_measured_job(engine, 1, weight=5, prompt_tokens=30, max_output_tokens=70)
    command.downgrade(config(database_url), "0003_turns_in_order")
    upgrade(database_url)
    assert (await one(engine, "SELECT weight FROM jobs")).weight == 1
    (item,) = await claims.claim(engine, "fake/gpt-4o-mini", 1, phase=Phase.CALL, lessee=Lessee("test", 60))
    assert item.job_id == job_id
    assert (await one(engine, "SELECT service FROM turns")).service == 1_100


async def test_older_jobs_are_filled_in_while_the_service_goes_on(engine: AsyncEngine, database_url: str) -> None:
    await make_measured_job(engine, 2, measured=2, estimated_tokens=1_000, expected_output_tokens=100)
    command.downgrade(config(database_url), "0001_jobs_and_results")
    await run(engine, HELD_UP)
    await run(engine, "CREATE TRIGGER held BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION held()")
    async with engine.connect() as holder:
        await holder.execute(text("SELECT pg_advisory_lock(1)"))
        await holder.commit()
        upgrading = asyncio.create_task(asyncio.to_thread(upgrade, database_url))
        while not await rows(engine, "SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE 'UP%'"):
            assert not upgrading.done()
            await asyncio.sleep(0.02)
        async with engine.begin() as service:
            await service.execute(text("SET LOCAL lock_timeout = '1s'"))
            await service.execute(text("SELECT total FROM jobs FOR UPDATE SKIP LOCKED"))
        await holder.execute(text("SELECT pg_advisory_unlock(1)"))
        await holder.commit()
        await upgrading
    assert (await one(engine, "SELECT estimated_input_tokens FROM jobs")).estimated_input_tokens == 800
    await run(engine, "DROP TRIGGER held ON jobs")
    command.check(config(database_url))


HELD_UP = """
    CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$
"""


async def test_a_migration_that_was_broken_off_is_run_again(engine: AsyncEngine, database_url: str) -> None:
    await make_measured_job(engine, 2)
    await run(engine, "UPDATE alembic_version SET version_num = '0001_jobs_and_results'")
    await asyncio.to_thread(upgrade, database_url, "0003_turns_in_order")
    newest = ScriptDirectory.from_config(config(database_url)).get_current_head()
    await run(engine, "UPDATE alembic_version SET version_num = :newest", newest=newest)
    command.check(config(database_url))


async def test_two_runs_at_once_do_not_stand_in_each_others_way(engine: AsyncEngine, database_url: str) -> None:
    command.downgrade(config(database_url), "0001_jobs_and_results")
    await asyncio.gather(*[asyncio.to_thread(_upgrade_apart, database_url) for _ in range(2)])
    command.check(config(database_url))


def _upgrade_apart(database_url: str) -> None:
    """In a process of its own: Alembic keeps its context in the module."""
    statement = f"from migrations import upgrade; upgrade({database_url!r})"
    subprocess.run([sys.executable, "-c", statement], check=True, timeout=240)
