"""Connections to the database that have died are noticed before they are used."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.queries import one, run
from vision.storage import engine as module
from vision.storage.engine import connect

OURS = "SELECT pg_backend_pid() AS pid"


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Somebody else's connections."""
    engine = connect(database_url)
    yield engine
    await engine.dispose()


async def test_a_connection_is_kept(engine: AsyncEngine) -> None:
    assert (await one(engine, OURS)).pid == (await one(engine, OURS)).pid


async def test_connections_that_the_server_ended_are_replaced(engine: AsyncEngine, other: AsyncEngine) -> None:
    async with engine.connect(), engine.connect():
        pass  # two connections in the pool
    mine = (await one(other, OURS)).pid
    await run(
        other,
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> :mine",
        mine=mine,
    )
    await asyncio.sleep(0.2)
    for _ in range(3):
        assert (await one(engine, OURS)).pid


async def test_a_connection_that_was_long_unused_is_asked(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNUSED_SECONDS", 0.0)
    asked: list[object] = []
    monkeypatch.setattr(engine.dialect, "do_ping", asked.append)
    await one(engine, OURS)
    assert not asked, "a new connection needs no question"
    await one(engine, OURS)
    assert len(asked) == 1
