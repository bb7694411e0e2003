"""Measuring and fetching from hosts that are slow, ill, strict or gone, by a worker's own loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

import worker.measure
import worker.work
from tests.factories import make_job
from tests.fakes import FakeProcess, images, start
from tests.integration.worker.test_work import finished, providers_file, until, working
from tests.queries import one
from vision.estimate.sample import Sampled, measure
from vision.files.folder import Folder
from vision.images import fetch
from vision.images import host as image_host
from vision.images.source import Images
from vision.jobs.wake_ups import Task
from vision.outbound.guard import Guard
from vision.settings import Settings

LANE = "fake/gpt-4o-mini"
PHOTO = images.jpeg(64, 64)


class Site:
    """An image host that does what a test says."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.seconds = 0.0
        self.open = asyncio.Event()
        app = web.Application()
        app.router.add_get("/hang", self._hang)
        app.router.add_get("/{name}", self._image)
        self.server = TestServer(app)

    def urls(self, count: int) -> list[str]:
        return [str(self.server.make_url(f"/{number}.jpg")) for number in range(count)]

    async def _image(self, request: web.Request) -> web.Response:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.status != 200:
            return web.Response(status=self.status, headers=self.headers)
        return web.Response(body=PHOTO)

    async def _hang(self, request: web.Request) -> web.Response:
        await self.open.wait()
        return web.Response(body=PHOTO)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with site.server:
        yield site


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProcess]:
    """A fake provider with limits out of the way."""
    with start("provider", "--key", "none", "--latency", "0.02", "--limit", "gpt-4o-mini=1000000/2000000000") as fake:
        yield fake


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent away is looked for ten times as often as in service, and hosts that are ill are asked as often."""
    monkeypatch.setattr(worker.work, "EVERY_SECONDS", 0.3)
    monkeypatch.setattr(image_host, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(image_host, "LONGEST_PAUSE", 0.8)
    monkeypatch.setattr(image_host, "LONGEST_AWAY", 1.0)


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str, provider: FakeProcess) -> Settings:
    return Settings(
        database_url=database_url,  # type: ignore[arg-type]
        redis_url=redis_url,  # type: ignore[arg-type]
        data_dir=tmp_path,
        providers_file=providers_file(tmp_path, provider.url),
        allow_private_networks=True,
    )


async def test_waiting_for_a_slow_hosts_turn_is_not_the_images_fault(
    engine: AsyncEngine, settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As 600 images of 6 s each: the line is several times as long as an image may take."""
    monkeypatch.setattr(worker.measure, "PATIENCE_SECONDS", (2.0,))
    monkeypatch.setattr(worker.measure, "MOST_TRIES", 1)
    monkeypatch.setattr(image_host, "WAIT_SECONDS", 0.6)
    site.seconds = 0.3
    async with working(settings):
        job_id = await make_job(engine, site.urls(96))
        await until(engine, "SELECT measured + failed FROM jobs", 96)
        site.seconds = 0.0
        job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (96, 0)


@pytest.mark.parametrize("tokens", [None, 8_500])
async def test_an_outage_of_an_image_host_fails_nothing(
    engine: AsyncEngine, settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch, tokens: int | None
) -> None:
    monkeypatch.setattr(worker.measure, "MOST_TRIES", 2)
    settings.max_attempts = 2
    site.status = 503
    async with working(settings):
        job_id = await make_job(engine, site.urls(40), tokens=tokens)
        await asyncio.sleep(3)  # twice as long as two tries take
        assert site.asked < 40
        site.status = 200
        job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (40, 0)


async def test_a_host_that_asks_to_be_left_alone_is_and_others_go_on(
    engine: AsyncEngine, settings: Settings, site: Site
) -> None:
    site.status, site.headers = 429, {"Retry-After": "3600"}
    other = Site()
    async with other.server, working(settings):
        await make_job(engine, [*site.urls(100), *other.urls(20)])
        await until(engine, "SELECT succeeded FROM jobs", 20)
    assert site.asked <= 8
    assert (await one(engine, "SELECT failed FROM jobs")).failed == 0
    tries = await one(
        engine, "SELECT max(attempt) AS most, sum(stop - start) AS items FROM ranges WHERE run_at > now()"
    )
    assert (tries.most, tries.items) == (0, 100)


async def test_a_dead_host_fails_its_images_after_a_while(
    engine: AsyncEngine, settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_host, "DEAD_SECONDS", 1.0)
    site.status = 500
    async with working(settings):
        job = await finished(engine, await make_job(engine, site.urls(20)))
    assert (job.succeeded, job.failed) == (0, 20)
    codes = await one(engine, "SELECT DISTINCT error_code FROM results")
    assert codes.error_code == "image_unreachable"


async def test_an_estimate_calls_no_image_unreadable_that_had_no_turn(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_host, "WAIT_SECONDS", 0.2)
    site.seconds = 1.0
    items = [{"image": url} for url in site.urls(5)]
    async with fetch.Fetcher(Guard(allow_private=True), per_host=1) as fetcher:
        found = await measure(Images(fetcher, Folder(tmp_path)), items, [Sampled(n, n - 1, 0) for n in range(1, 6)])
    assert (found.sizes, found.unreadable) == ([(64, 64)], 0)


async def test_what_is_measured_is_written_while_a_slow_image_is_waited_for(
    engine: AsyncEngine, settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.measure, "PATIENCE_SECONDS", (3600.0,))
    monkeypatch.setattr(fetch, "FIRST_BYTE_SECONDS", 3600.0)
    slow = str(site.server.make_url("/hang"))
    async with working(settings) as work:
        first = await make_job(engine, [slow, *site.urls(70)])
        await until(engine, "SELECT succeeded FROM jobs", 70)
        second = await make_job(engine, site.urls(10))
        work.wake(Task.MEASURE, LANE)
        assert (await finished(engine, second)).succeeded == 10
        assert not site.open.is_set()
        site.open.set()
        assert (await finished(engine, first)).succeeded == 71
