"""Cancel, pause and resume while workers pull at the same job."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_job
from tests.fakes import FakeProcess
from tests.integration.worker.test_work import finished, host, provider, rows, settings, working
from vision.errors import Conflict
from vision.intake import IntakeContext, cancel, pause, resume
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider.catalogue import Catalogue
from vision.settings import Settings

__all__ = ["host", "provider", "settings"]


@pytest.fixture
async def context(engine: AsyncEngine, redis_url: str, tmp_path: Path) -> AsyncIterator[IntakeContext]:
    """The door's side."""
    wake_ups = WakeUps(redis_url)
    yield IntakeContext(engine, Catalogue({}), wake_ups, Guard(allow_private=True), tmp_path)
    await wake_ups.close()


async def test_a_job_ends_once_however_a_cancel_meets_its_end(
    engine: AsyncEngine, settings: Settings, host: FakeProcess, context: IntakeContext
) -> None:
    async def one(number: int) -> None:
        job_id = await make_job(engine, [f"{host.url}/64x64/{number}-{n}.jpg" for n in range(30)], tokens=8500)
        await asyncio.sleep(random.uniform(0.0, 1.5))
        try:
            await cancel(context, "default", job_id)
        except Conflict as conflict:
            assert conflict.code == "job_finished"  # noqa: PT017 - it may come or not
        job = await finished(engine, job_id)
        events = await rows(engine, "SELECT type FROM events WHERE job_id = :id", id=job_id)
        assert [event.type for event in events] == [f"job.{job.status}"]
        assert (job.status == "succeeded") == (job.succeeded == job.total)

    async with working(settings), working(settings):
        await asyncio.gather(*[one(number) for number in range(15)])
    assert await rows(engine, "SELECT * FROM ranges") == []
    assert await rows(engine, "SELECT * FROM turns") == []


async def test_pausing_and_resuming_again_and_again_loses_nothing(
    engine: AsyncEngine, settings: Settings, host: FakeProcess, context: IntakeContext
) -> None:
    async with working(settings), working(settings):
        job_id = await make_job(engine, [f"{host.url}/64x64/{n}.jpg" for n in range(300)], tokens=8500)
        for _ in range(10):
            await asyncio.sleep(random.uniform(0.0, 0.2))
            try:
                await pause(context, "default", job_id)
                await resume(context, "default", job_id)
            except Conflict:
                break
        job = await finished(engine, job_id)
    assert (job.status, job.succeeded, job.failed) == ("succeeded", 300, 0)
    assert (await rows(engine, "SELECT count(*) FROM results"))[0][0] == 300
