"""Taking in, below the door: memory stays flat, lines keep their numbers, workers and callers do not collide."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.api.conftest import PROVIDERS
from tests.integration.api.hands import fail, succeed, take
from vision import intake
from vision.errors import Conflict, InvalidRequest
from vision.files.folder import Folder
from vision.intake import IntakeContext, Order
from vision.intake.lines import numbered_items, read
from vision.jobs.manifest import MAX_LINE_BYTES
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider import catalogue
from vision.storage.reports import jobs

ORDER = Order(preset="moderation", model="gpt-4o-mini", detail="low")


@pytest.fixture
async def context(tmp_path: Path, engine: AsyncEngine, redis_url: str) -> AsyncIterator[IntakeContext]:
    """A context with the lanes of the API's tests."""
    (tmp_path / "providers.toml").write_text(PROVIDERS)
    wake_ups = WakeUps(redis_url)
    offered, store = catalogue.load(tmp_path / "providers.toml"), Folder(tmp_path / "files")
    await store.prepare()
    yield IntakeContext(engine, offered, wake_ups, Guard(True), store)
    await wake_ups.close()


def manifest(folder: Path, count: int) -> Path:
    """A file of so many items."""
    path = folder / "manifest"
    with path.open("wb") as file:
        for number in range(1, count + 1):
            file.write(b'{"custom_id":"sku-%d","image":"https://example.com/catalogue/%d.jpg"}\n' % (number, number))
    return path


async def test_memory_does_not_grow_with_the_manifest(context: IntakeContext, tmp_path: Path) -> None:
    peaks = []
    for count in (11_000, 30_000):
        path = manifest(tmp_path, count)
        tracemalloc.start()
        await intake.submit(context, "default", ORDER, path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3
    assert peaks[1] < 50_000_000


def test_lines_end_in_either_way_and_the_last_may_be_open(tmp_path: Path) -> None:
    path = tmp_path / "manifest"
    path.write_bytes(b'\xef\xbb\xbf{"image":"http://a/1"}\r\n{"image":"http://a/2"}\n{"image":"http://a/3"}')
    assert [read(entry).images for entry in numbered_items(path)] == [["http://a/1"], ["http://a/2"], ["http://a/3"]]
    assert [number for number, _ in numbered_items(path)] == [1, 2, 3]


def test_a_line_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "manifest"
    path.write_bytes(b'{"image":"http://a/1"}\n' + b"x" * (MAX_LINE_BYTES + 100))
    found = numbered_items(path)
    next(found)
    with pytest.raises(InvalidRequest) as refused:
        next(found)
    assert (refused.value.details[0].line, refused.value.details[0].code) == (2, "line_too_large")


async def test_an_image_the_provider_would_reject_is_left_to_measuring(
    context: IntakeContext, engine: AsyncEngine
) -> None:
    order = Order(preset="moderation", model="gpt-4o-mini", detail="high")
    sizes = [{"image": "http://a/b", "width": 60_000, "height": 60_000}, {"image": "http://a/b"}]
    receipt = await intake.submit(context, "default", order, sizes)
    async with engine.connect() as connection:
        job = await jobs.get(connection, "default", receipt.job_id)
        phase = (await connection.execute(text("SELECT phase FROM ranges"))).scalar_one()
    assert (job.total, phase) == (2, "measure")


async def test_a_duplicate_names_its_line_and_stores_nothing(
    context: IntakeContext, engine: AsyncEngine, tmp_path: Path
) -> None:
    path = manifest(tmp_path, 5_003)
    with path.open("ab") as file:
        file.write(b'{"custom_id":"sku-5002","image":"https://example.com/x"}\n')
    with pytest.raises(InvalidRequest) as refused:
        await intake.submit(context, "default", ORDER, path)
    assert refused.value.details[0].line == 5_004
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM items"))).scalar_one() == 0


async def test_counts_sum_while_workers_and_callers_pull_at_the_same_jobs(
    context: IntakeContext, engine: AsyncEngine
) -> None:
    items = [{"image": "http://a/b"}] * 150
    made = [(await intake.submit(context, "default", ORDER, items)).job_id for _ in range(3)]
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            held = await take(engine, 7)
            await asyncio.gather(succeed(engine, *held[:5]), fail(engine, *held[5:]))
            await asyncio.sleep(0.005)

    async def call() -> None:
        for turn in range(12):
            for act in (intake.pause, intake.resume, intake.retry):
                try:
                    await act(context, "default", made[turn % 3])
                except Conflict as conflict:
                    assert conflict.code in {"job_finished", "job_not_finished", "nothing_failed"}  # noqa: PT017

    async def look() -> None:
        while not stop.is_set():
            async with engine.connect() as connection:
                rows = await jobs.page(connection, "default", limit=10, after=None, status=None)
            for row in rows:
                counts = asdict(row.counts)
                total = counts.pop("total")
                assert sum(counts.values()) == total
                assert min(counts.values()) >= 0
            await asyncio.sleep(0.005)

    others = [asyncio.create_task(each()) for each in (work, work, look)]
    try:
        await asyncio.gather(call(), call())
    finally:
        stop.set()
        await asyncio.gather(*others)
