"""API and worker behind a real PgBouncer in transaction mode."""

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests import pgbouncer
from tests.fakes import FakeProcess
from tests.integration.api.test_errors import started
from tests.integration.worker.test_work import host, provider, settings, working
from tests.queries import one
from vision.settings import Settings
from vision.storage.engine import connect

__all__ = ["host", "provider", "settings"]

pytestmark = pytest.mark.skipif(pgbouncer.PROGRAM is None, reason="no pgbouncer here; Debian has it as a package")


@pytest.fixture
def pooled_url(database_url: str, open_folder: Path) -> Iterator[str]:
    """The test's own database through PgBouncer."""
    with pgbouncer.running(database_url, open_folder / f"pgbouncer-{secrets.token_hex(4)}") as url:
        yield url


async def test_options_hold_in_every_transaction_though_connections_change(pooled_url: str) -> None:
    engine = connect(pooled_url, pool_size=10, pooled=True)
    asked = "SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock, \
             current_setting('TimeZone') AS zone"
    answers = await asyncio.gather(*(one(engine, asked) for _ in range(200)))
    await engine.dispose()
    assert {tuple(answer) for answer in answers} == {("1min", "10s", "UTC")}


async def test_nothing_is_prepared_on_a_connection_that_others_use_next(pooled_url: str) -> None:
    engine = connect(pooled_url, pool_size=10, pooled=True)

    async def commit(number: int) -> int:
        # Committed, as a rollback makes the driver forget what it has prepared.
        async with engine.begin() as connection:
            return int((await connection.execute(text("SELECT CAST(:number AS int)"), {"number": number})).scalar_one())

    answers = await asyncio.gather(*map(commit, range(300)))
    await engine.dispose()
    assert answers == list(range(300))


async def test_without_the_setting_it_is_told_what_to_set(pooled_url: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = connect(pooled_url)
    with pytest.raises(OperationalError):
        await one(engine, "SELECT 1")
    await engine.dispose()
    assert "set TESSERA_DATABASE_POOLED=true" in caplog.text


async def test_many_jobs_at_once_are_taken_in_worked_and_read(
    pooled_url: str, settings: Settings, host: FakeProcess, provider: FakeProcess
) -> None:
    settings.database_url, settings.database_pooled = SecretStr(pooled_url), True
    settings.admin_key = SecretStr("an-admin-key-for-tests")
    items = [{"image": f"{host.url}/{200 + number}x300/{number}.jpg"} for number in range(5)]
    order = {"preset": "moderation", "model": "fake/gpt-4o-mini", "items": items}
    async with started(settings) as client, working(settings), working(settings):
        taken = await asyncio.gather(*(client.post("/v1/jobs", json=order) for _ in range(40)))
        assert {answer.status_code for answer in taken} == {201}
        async with asyncio.timeout(60):
            for job in taken:
                while (seen := (await client.get(f"/v1/jobs/{job.json()['id']}")).json())["status"] != "succeeded":
                    assert seen["status"] in {"queued", "running"}
                    await asyncio.sleep(0.1)
        results = [await client.get(f"/v1/jobs/{job.json()['id']}/results") for job in taken]
    assert {len(one.text.splitlines()) for one in results} == {5}
