"""A job of two steps on real servers: a cheap model sees every image, a good one those that the first is unsure of."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fakes import FakeProcess, start
from tests.integration.worker.test_work import finished, host, working
from tests.queries import one, rows, run
from vision import intake
from vision.files.folder import Folder
from vision.intake import IntakeContext, Order
from vision.intake.order import StepOrder
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider import catalogue
from vision.settings import Settings

__all__ = ["host"]

CHEAP, GOOD = "cheap/gpt-4o-mini", "good/gpt-4o"
UNSURE = {"step": "screen", "any": [{"field": "alt_text", "contains": "0x300"}]}
"""The fake model names each image with its size: every tenth width ends in 0."""
STEPS = (
    StepOrder(name="screen", preset="moderation", model=CHEAP, detail="low"),
    StepOrder(name="decide", prompt="Is this a shoe?", model=GOOD, detail="high", when=UNSURE),
)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProcess]:
    """A fake provider with limits out of the way."""
    limits = [f"{model}=1000000/2000000000" for model in ("gpt-4o-mini", "gpt-4o")]
    with start("provider", "--key", "none", "--latency", "0.05", "--limit", limits[0], "--limit", limits[1]) as fake:
        yield fake


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str, provider: FakeProcess) -> Settings:
    """A worker's settings, for two lanes; leases run out soon."""
    provider.post("/_/reset")
    lanes = [
        f'[[provider]]\nname = "{name}"\nbase_url = "{provider.url}/v1"\n'
        f'[provider.models."{model}"]\nrpm = 1_000_000\ntpm = 2_000_000_000\n'
        for name, model in (("cheap", "gpt-4o-mini"), ("good", "gpt-4o"))
    ]
    (tmp_path / "providers.toml").write_text("".join(lanes))
    return Settings(
        database_url=database_url,  # type: ignore[arg-type]
        redis_url=redis_url,  # type: ignore[arg-type]
        data_dir=tmp_path,
        providers_file=tmp_path / "providers.toml",
        allow_private_networks=True,
        lease_seconds=5,
    )


async def make(engine: AsyncEngine, settings: Settings, images: list[str], **more: Any) -> UUID:
    """A job of two steps."""
    wake_ups = WakeUps(settings.required_broker_url())
    offered = catalogue.configured(settings)
    context = IntakeContext(engine, offered, wake_ups, Guard(True), Folder(settings.data_dir / "files"))
    items = [{"image": image} for image in images]
    receipt = await intake.submit(context, "default", Order(steps=STEPS, **more), items)
    await wake_ups.close()
    return receipt.job_id


@asynccontextmanager
async def worker_process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker in a process of its own, which is killed with it."""
    environment = os.environ | {
        "TESSERA_DATABASE_URL": settings.required_database_url(),
        "TESSERA_REDIS_URL": settings.required_redis_url(),
        "TESSERA_DATA_DIR": str(settings.data_dir),
        "TESSERA_PROVIDERS_FILE": str(settings.providers_file),
        "TESSERA_ALLOW_PRIVATE_NETWORKS": "true",
        "TESSERA_LEASE_SECONDS": str(settings.lease_seconds),
    }
    command = [sys.executable, "-W", "ignore:::celery.platforms", "-m", "celery", "-A", "worker.app", "worker"]
    process = await asyncio.create_subprocess_exec(*command, "-l", "ERROR", env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_the_good_model_is_asked_where_the_cheap_one_is_unsure(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    images = [f"{host.url}/{200 + number}x300/{number}.jpg" for number in range(60)]
    async with working(settings):
        job = await finished(engine, await make(engine, settings, images))
    assert (job.status, job.succeeded, job.failed) == ("succeeded", 60, 0)
    results = await rows(engine, "SELECT number, step, answer FROM results ORDER BY number")
    assert [row.number for row in results if row.step == 2] == [1, 11, 21, 31, 41, 51]
    assert all(("alt_text" in row.answer) == (row.step == 1) for row in results)
    billed = provider.get("/_/stats")["billed"]
    ledger = await one(engine, "SELECT count(*) AS calls, sum(input_tokens) AS input FROM ledger")
    assert (ledger.calls, ledger.input, job.input_tokens) == (66, billed["input"], billed["input"])
    steps = await rows(engine, "SELECT reached, succeeded, image_tokens FROM steps ORDER BY position")
    assert [tuple(row) for row in steps] == [(60, 60, 60 * 2833), (6, 6, 6 * 255)]


async def test_nothing_is_lost_or_doubled_when_a_worker_is_killed_between_the_steps(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    images = [f"{host.url}/{200 + 10 * number}x300/{number}.jpg" for number in range(150)]
    job_id = await make(engine, settings, images)
    async with worker_process(settings) as process, asyncio.timeout(120):
        while not await rows(engine, "SELECT FROM ledger WHERE step = 2 LIMIT 1"):
            assert process.returncode is None
            await asyncio.sleep(0.02)
    async with working(settings):
        job = await finished(engine, job_id)
    assert (job.status, job.succeeded) == ("succeeded", 150)
    assert {row.step for row in await rows(engine, "SELECT DISTINCT step FROM results")} == {2}
    assert (await one(engine, "SELECT count(*) FROM answers"))[0] == 150
    ledger = await rows(
        engine, "SELECT number, step FROM ledger WHERE outcome = 'succeeded' GROUP BY 1, 2 HAVING count(*) = 1"
    )
    assert len(ledger) == 300
    billed = provider.get("/_/stats")["billed"]
    known = await one(engine, "SELECT sum(input_tokens) AS input FROM ledger")
    assert billed["input"] >= known.input == job.input_tokens, "what a dead worker's calls cost is unknown, not known"
    assert await rows(engine, "SELECT FROM ranges") == []


async def test_sizes_that_were_wrong_are_put_right_for_every_image_and_step(
    engine: AsyncEngine, settings: Settings, host: FakeProcess
) -> None:
    """As if the images of an item had grown since they were measured: the later step counts the new sizes."""
    always = StepOrder(name="decide", prompt="Is this a shoe?", model=GOOD, detail="high")
    items = [{"images": [f"{host.url}/1200x900/{name}.jpg" for name in "ab"]}]
    wake_ups = WakeUps(settings.required_broker_url())
    context = IntakeContext(
        engine, catalogue.configured(settings), wake_ups, Guard(True), Folder(settings.data_dir / "files")
    )
    job_id = (await intake.submit(context, "default", Order(steps=(STEPS[0], always)), items)).job_id
    await wake_ups.close()
    await run(engine, "UPDATE items SET width = 20, height = 10, sizes = '{20,10,20,10}'")
    async with working(settings):
        job = await finished(engine, job_id)
    assert (job.status, job.succeeded) == ("succeeded", 1)
    item = await one(engine, "SELECT width, height, sizes FROM items")
    assert (item.width, item.height, item.sizes) == (1_200, 900, [1_200, 900, 1_200, 900])
    assert (await one(engine, "SELECT image_tokens FROM ledger WHERE step = 2")).image_tokens == 2 * 765
