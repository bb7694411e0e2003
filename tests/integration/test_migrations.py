"""Migrations: they make what the tables say, may be run twice, and go back."""

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations import config, upgrade
from tests.factories import make_measured_job
from tests.queries import one
from vision.lifecycle import Stage
from vision.storage import ranges
from vision.storage.ranges import Lessee
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
    (item,) = await ranges.claim(engine, "fake/gpt-4o-mini", 1, stage=Stage.WORK, lessee=Lessee("test", 60))
    assert item.job_id == job_id
    assert (await one(engine, "SELECT service FROM turns")).service == 1_100
