"""Images inside a job: where their bytes go, and that they come back and are cleared away."""

import base64
import os
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fakes import FakeProcess
from tests.fakes.images import encode, png
from tests.integration.worker.test_work import finished, provider, settings, working
from tests.queries import one, rows
from vision import intake
from vision.errors import InvalidRequest
from vision.files import Store, open_store
from vision.intake import IntakeContext, Order
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider.catalogue import configured
from vision.settings import Settings
from worker.prune import prune_orphans

__all__ = ["provider", "settings"]

ORDER = Order(preset="moderation")


@pytest.fixture(params=["folder", "s3"])
def files_url(request: pytest.FixtureRequest) -> str | None:
    """None, or an S3 bucket's address."""
    url: str | None = request.getfixturevalue("s3_url") if request.param == "s3" else None
    return url


@pytest.fixture
async def context(engine: AsyncEngine, settings: Settings, files_url: str | None) -> AsyncIterator[IntakeContext]:
    """What intake needs, with either kind of store; workers of `settings` use the same."""
    settings.files_url = files_url
    wake_ups, store = WakeUps(str(settings.required_redis_url())), open_store(files_url, settings.data_dir)
    await store.prepare()
    yield IntakeContext(engine, configured(settings), wake_ups, Guard(True), store)
    await wake_ups.close()


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def picture(number: int) -> bytes:
    """A PNG of more than 4 kB that no other number has."""
    return encode(Image.frombytes("RGB", (60, 40), Random(number).randbytes(7_200)), "PNG")


async def keys(store: Store) -> list[str]:
    return [entry.key for entry in await store.page("", 1_000)]


async def test_long_data_urls_are_stored_once_and_travel_through_no_claim(
    engine: AsyncEngine, settings: Settings, context: IntakeContext, provider: FakeProcess
) -> None:
    first, second = picture(1), picture(2)
    items = [{"image": data_url(first)}, {"images": [data_url(second), data_url(first)]}, {"image": data_url(first)}]
    async with working(settings):
        job_id = (await intake.submit(context, "default", ORDER, items)).job_id
        job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (3, 0)
    stored = await keys(context.store)
    assert len(stored) == 2
    assert all(key.startswith(f"jobs/{job_id.hex}/") for key in stored)
    images = [row.images for row in await rows(engine, "SELECT images FROM items ORDER BY number")]
    assert images[0] == images[2] == [images[1][1]]
    assert {f"stored:{key}" for key in stored} == {image for each in images for image in each}
    assert provider.get("/_/stats")["billed"]["image"] == job.image_tokens == 4 * 2_833


async def test_short_and_broken_ones_stay_and_end_as_before(
    engine: AsyncEngine, settings: Settings, context: IntakeContext
) -> None:
    broken = "data:image/png;base64," + "A" * 5_001
    text = data_url(b"no picture" * 1_000)
    async with working(settings):
        items: list[Any] = [{"image": data_url(png())}, {"image": broken}, {"image": text}]
        job = await finished(engine, (await intake.submit(context, "default", ORDER, items)).job_id)
    assert (job.succeeded, job.failed) == (1, 2)
    codes = {row.error_code for row in await rows(engine, "SELECT error_code FROM results WHERE status = 'failed'")}
    assert codes <= {"image_corrupt", "image_unsupported"}
    assert len(await keys(context.store)) == 1


async def test_a_refused_job_leaves_no_bytes(engine: AsyncEngine, context: IntakeContext) -> None:
    items = [{"custom_id": "a", "image": data_url(picture(n))} for n in range(3)]
    with pytest.raises(InvalidRequest):
        await intake.submit(context, "default", ORDER, items)
    assert await keys(context.store) == []


async def test_bytes_that_are_gone_fail_their_item_alone(
    engine: AsyncEngine, settings: Settings, context: IntakeContext
) -> None:
    items = [{"image": data_url(picture(n))} for n in range(2)]
    job_id = (await intake.submit(context, "default", ORDER, items)).job_id
    lost = (await one(engine, "SELECT images FROM items WHERE number = 1")).images[0].removeprefix("stored:")
    await context.store.delete([lost])
    async with working(settings):
        job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (1, 1)
    assert (await one(engine, "SELECT error_code FROM results WHERE number = 1")).error_code == "image_unreachable"


async def test_callers_cannot_name_what_is_stored(context: IntakeContext) -> None:
    with pytest.raises(InvalidRequest):
        await intake.submit(context, "default", ORDER, [{"image": f"stored:jobs/{UUID(int=1).hex}/{'0' * 64}"}])


async def test_orphans_go_after_a_day_and_nothing_else(engine: AsyncEngine, settings: Settings) -> None:
    store = open_store(None, settings.data_dir)
    await store.prepare()
    wake_ups = WakeUps(str(settings.required_redis_url()))
    context = IntakeContext(engine, configured(settings), wake_ups, Guard(True), store)
    await intake.submit(context, "default", ORDER, [{"image": data_url(picture(1))}])
    await wake_ups.close()
    owned = await keys(store)
    orphan, young, strange = f"jobs/{UUID(int=1).hex}/{'0' * 64}", UUID(int=2).hex, "readme.txt"
    for key in (orphan, UUID(int=3).hex, young, strange):
        await store.put(key, b"x")
    for key in (*owned, orphan, UUID(int=3).hex, strange):
        os.utime(store.spool / key, (1, 1))
    assert await prune_orphans(engine, store, "") == ""
    assert sorted(await keys(store)) == sorted([*owned, young, strange])
