"""The worker's loop on real servers against the fake provider: what becomes of a job's items."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import worker.dispatch.recorder
from tests.factories import SECRET, make_job
from tests.fakes import FakeProcess, start
from tests.queries import rows
from vision.jobs.lifecycle import ItemStatus, Phase
from vision.jobs.wake_ups import Task
from vision.prices import Usage, list_price
from vision.provider.catalogue import configured
from vision.settings import Settings
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.outcomes.record import record
from vision.storage.queue import claims, marks
from vision.storage.queue.leases import Lessee
from vision.storage.queue.marks import Mark, Step
from vision.storage.reports import jobs
from worker.dispatch import dispatcher
from worker.work import Work

PRICE = list_price("gpt-4o-mini", datetime.now(UTC))


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProcess]:
    """A fake provider with limits out of the way."""
    with start("provider", "--key", "none", "--latency", "0.02", "--limit", "gpt-4o-mini=1000000/2000000000") as fake:
        yield fake


@pytest.fixture(scope="module")
def host() -> Iterator[FakeProcess]:
    """Images by URL."""
    with start("image_host") as fake:
        yield fake


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str, provider: FakeProcess) -> Settings:
    """A worker's settings, for the fake provider by chat completions and inline images."""
    provider.post("/_/reset")
    return Settings(
        database_url=database_url,  # type: ignore[arg-type]
        redis_url=redis_url,  # type: ignore[arg-type]
        data_dir=tmp_path,
        providers_file=providers_file(tmp_path, provider.url),
        allow_private_networks=True,
        lease_seconds=60,
    )


STATED = {"ceiling": "max_completion_tokens", "structure": "json_schema", "instructions": "system"}


def providers_file(folder: Path, url: str, *, stated: bool = True, **more: str) -> Path:
    """A providers.toml for the fake. `stated`: with its dialect, so that nothing has to be learned first."""
    extra = "\n".join(f'{name} = "{value}"' for name, value in (more | (STATED if stated else {})).items())
    path = folder / "providers.toml"
    path.write_text(
        f'[[provider]]\nname = "fake"\nbase_url = "{url}/v1"\n{extra}\n'
        '[provider.models."gpt-4o-mini"]\nrpm = 1_000_000\ntpm = 2_000_000_000\n'
    )
    return path


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Work]:
    """A worker's loop, in this one."""
    stopping = asyncio.Event()
    work = Work(settings, configured(settings), stopping.is_set)
    await work.open()
    try:
        yield work
    finally:
        stopping.set()
        await work.close()


async def finished(engine: AsyncEngine, job_id: UUID, seconds: float = 240) -> Any:
    """The job's row once it is terminal."""
    async with asyncio.timeout(seconds):
        while True:
            async with engine.connect() as connection:
                job = (await connection.execute(text("SELECT * FROM jobs WHERE id = :id"), {"id": job_id})).one()
            if job.finished_at:
                return job
            await asyncio.sleep(0.05)


async def test_a_job_is_measured_worked_and_finished(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    images = [f"{host.url}/{200 + number}x300/{number}.jpg" for number in range(100)]
    async with working(settings):
        job = await finished(engine, await make_job(engine, images))
    assert (job.status, job.succeeded, job.failed, job.measured) == ("succeeded", 100, 0, 100)
    results = await rows(engine, "SELECT * FROM results WHERE job_id = :id", id=job.id)
    assert len(results) == 100
    assert all(row.status == "succeeded" and row.image_tokens == 8500 and row.attempts == 1 for row in results)
    billed = provider.get("/_/stats")["billed"]
    assert job.image_tokens == billed["image"] == 850_000
    assert sum(row.input_tokens for row in results) == job.input_tokens == billed["input"]
    assert sum(row.output_tokens for row in results) == job.output_tokens == billed["output"]
    assert job.spent == sum(row.cost for row in results) > 0
    async with engine.connect() as connection:
        used = (await jobs.used_by_lane(connection, "default"))[job.lane]
    assert (used.input_tokens, used.image_tokens, used.spent) == (billed["input"], 850_000, job.spent)
    ledger = await rows(engine, "SELECT outcome, count(*) FROM ledger GROUP BY 1")
    assert [tuple(row) for row in ledger] == [("succeeded", 100)]
    assert await rows(engine, "SELECT * FROM ranges") == []
    assert await rows(engine, "SELECT * FROM turns") == []


async def test_an_image_that_cannot_be_had_fails_alone(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    troubles = {
        "/status/404": "image_unreachable",
        "/truncated.jpg": "image_corrupt",
        "/animated.gif": "image_unsupported",
        "/svg": "image_unsupported",
        "/page.html": "image_unsupported",
        "/redirect-to?url=http://169.254.169.254/": "image_blocked",
    }
    fine = [f"{host.url}/64x64/{number}.jpg" for number in range(10)]
    images = [f"{host.url}{path}" for path in troubles]
    async with working(settings):
        job = await finished(engine, await make_job(engine, [*images, *fine]))
    failed = await rows(engine, "SELECT error_code, error_message FROM results WHERE status = 'failed' ORDER BY number")
    assert [row.error_code for row in failed] == list(troubles.values())
    assert all(row.error_message for row in failed)
    assert (job.succeeded, job.failed) == (len(fine), len(troubles))
    assert provider.get("/_/stats")["calls"] == len(fine)


async def test_each_ending_of_a_call_has_its_own_code(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    endings = {
        "refusal": "refused",
        "content_filter": "content_filtered",
        "length": "output_truncated",
        "schema_invalid": "output_invalid",
        "status-400": "upstream_rejected",
    }
    settings.providers_file = providers_file(settings.data_dir, provider.url, images="url")
    images = [f"{host.url}/64x64/fault-{fault}.jpg" for fault in endings]
    async with working(settings):
        job = await finished(engine, await make_job(engine, images, tokens=8500))
    failed = await rows(engine, "SELECT error_code FROM results WHERE status = 'failed' ORDER BY number")
    assert [row.error_code for row in failed] == list(endings.values())
    billed = provider.get("/_/stats")["billed"]
    assert (job.input_tokens, job.output_tokens) == (billed["input"], billed["output"])
    ledger = await rows(engine, "SELECT sum(cost) AS cost FROM ledger")
    assert ledger[0].cost == job.spent > 0


async def test_passing_trouble_is_tried_again(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    settings.providers_file = providers_file(settings.data_dir, provider.url, images="url", api="responses")
    kinds = ("status-503", "status-500", "rate_limited", "malformed", "html", "empty", "download_timeout", "reset")
    images = [f"{host.url}/64x64/fault-{kind}~1.jpg" for kind in kinds]
    async with working(settings):
        job = await finished(engine, await make_job(engine, images, tokens=8500))
    assert (job.succeeded, job.failed) == (len(kinds), 0)
    attempts = await rows(engine, "SELECT attempts FROM results ORDER BY number")
    found = dict(zip(kinds, [row.attempts for row in attempts], strict=True))
    assert (found["status-503"], found["rate_limited"], found["download_timeout"]) == (1, 1, 2)
    assert set(found.values()) <= {1, 2}, "where all fail at once nobody need be to blame"
    assert job.unknown_cost > 0, "a reset after billing has an unknown cost"
    spent = await rows(engine, "SELECT sum(cost) AS cost FROM ledger WHERE cost_is_known")
    assert spent[0].cost == job.spent


async def test_what_cannot_be_loaded_changes_nothing_that_is_known_of_it(
    engine: AsyncEngine, settings: Settings, host: FakeProcess
) -> None:
    async with working(settings):
        job = await finished(engine, await make_job(engine, [f"{host.url}/status/404/a.jpg"], tokens=8500))
    assert (job.failed, job.spent) == (1, 0)
    assert [row.image_tokens for row in await rows(engine, "SELECT image_tokens FROM items")] == [8500]


async def test_a_refused_key_pauses_the_job_and_resuming_finishes_it(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    provider.post("/_/faults", [{"match": {}, "fault": {"kind": "status", "status": 401}}])
    settings.max_in_flight = 10
    job_id = await make_job(engine, [f"{host.url}/64x64/{number}.jpg" for number in range(50)], tokens=8500)
    async with working(settings):
        await until(engine, "SELECT status_code FROM jobs WHERE status = 'paused'", "upstream_auth")
        await until(engine, "SELECT count(*) FROM ranges WHERE lease_token IS NOT NULL", 0)
        await asyncio.sleep(0.5)
        assert provider.get("/_/stats")["calls"] <= 20
        events = await rows(engine, "SELECT type FROM events")
        assert [row.type for row in events] == ["job.paused"]
        provider.post("/_/reset")
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE jobs SET status = 'running'"))
            await connection.execute(text("UPDATE turns SET runnable = true"))
        job = await finished(engine, job_id)
    assert (job.status, job.succeeded) == ("succeeded", 50)


async def test_a_lane_that_this_worker_does_not_know_is_left_to_others(
    engine: AsyncEngine, settings: Settings, host: FakeProcess, caplog: pytest.LogCaptureFixture
) -> None:
    newer = await make_job(engine, [f"{host.url}/64x64/a.jpg"], lane="fake/newer", tokens=8500)
    async with working(settings) as work:
        for _ in range(3):
            work.wake(Task.DISPATCH, "fake/newer")
            work.wake(Task.MEASURE, "fake/newer")
            await finished(engine, await make_job(engine, [f"{host.url}/64x64/a.jpg"], tokens=8500))
    (job,) = await rows(engine, "SELECT status, status_code FROM jobs WHERE id = :id", id=newer)
    assert tuple(job) == ("queued", "waiting")
    assert caplog.text.count("leaves the lane alone") == 1


async def test_a_cap_on_the_cost_is_never_passed(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    cap = Decimal("0.02")
    images = [f"{host.url}/64x64/{number}.jpg" for number in range(100)]
    await make_job(engine, images, tokens=8500, max_cost=cap)
    async with working(settings), working(settings):
        await until(engine, "SELECT status_code FROM jobs WHERE status = 'paused'", "cap_reached")
    (job,) = await rows(engine, "SELECT * FROM jobs")
    assert Decimal("0.017") < job.spent <= cap
    assert 0 < job.succeeded < 100


async def test_a_worker_that_stops_gives_back_what_it_has_not_sent(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    provider.post("/_/faults", [{"match": {"nth": 3}, "times": 1, "fault": {"kind": "rate_limited", "seconds": 60}}])
    job_id = await make_job(engine, [f"{host.url}/64x64/{number}.jpg" for number in range(20)], tokens=8500)
    settings.max_in_flight = 2
    async with working(settings):
        await until(engine, "SELECT succeeded >= 2 FROM jobs", True)
        await asyncio.sleep(1)
    assert await rows(engine, "SELECT * FROM ranges WHERE lease_token IS NOT NULL") == []
    (job,) = await rows(engine, "SELECT * FROM jobs")
    assert job.id == job_id
    assert (job.failed, job.unknown_cost) == (0, 0)
    waiting = await rows(engine, "SELECT sum(stop - start) AS items FROM ranges")
    assert waiting[0].items == 20 - job.succeeded
    assert await rows(engine, "SELECT * FROM ledger WHERE outcome <> 'succeeded'") == []


async def test_a_size_told_too_small_passes_no_cap(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    images = [f"{host.url}/1024x1024/{number}.png" for number in range(3)]
    async with working(settings):
        job_id = await make_job(engine, images, tokens=8500, max_cost=Decimal("0.0045"))
        await until(engine, "SELECT status_code FROM jobs WHERE status = 'paused'", "cap_reached")
    (job,) = await rows(engine, "SELECT * FROM jobs")
    assert job.id == job_id
    assert (job.succeeded, provider.get("/_/stats")["calls"]) == (0, 0), "one call costs more than the cap"
    assert 25501 in {row.image_tokens for row in await rows(engine, "SELECT image_tokens FROM items")}


async def test_what_a_silent_worker_held_is_done_by_another_one(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    images = [f"{host.url}/64x64/{number}.jpg" for number in range(40)]
    job_id = await make_job(engine, images, tokens=8500)
    settings.lease_seconds = 5  # so long the server has to have been running
    dead = await claims.claim(engine, "fake/gpt-4o-mini", 10, phase=Phase.CALL, lessee=Lessee("dead", 0.1), price=PRICE)
    assert [item.number for item in dead] == list(range(1, 11))
    sent = [Mark(item, Step.SENT) for item in dead[:4]]
    assert await marks.write(engine, sent) == {dead[0].token}
    async with working(settings):
        job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (40, 0)
    unknown = await rows(engine, "SELECT number, cost FROM ledger WHERE outcome = 'unknown'")
    assert sorted(row.number for row in unknown) == [1, 2, 3, 4], "the others were never sent"
    assert job.unknown_cost == sum(row.cost for row in unknown) == sum(item.reserved for item in dead[:4])
    # The dead one comes back and brings an answer: its cost counts, its result does not.
    late = Outcome(dead[0], Charge("fake/gpt-4o-mini", "succeeded", Usage(10, 1), Decimal("0.5")), ItemStatus.SUCCEEDED)
    await record(engine, [late])
    (after,) = await rows(engine, "SELECT * FROM jobs")
    assert after.succeeded == 40
    assert after.spent == job.spent + Decimal("0.5")


async def test_a_slow_provider_has_as_many_calls_in_flight_as_its_latency_takes(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    settings.providers_file = providers_file(settings.data_dir, provider.url, images="url")
    provider.post("/_/latency", {"latency": None})
    try:
        async with working(settings), asyncio.timeout(240):
            job_id = await make_job(engine, [f"{host.url}/64x64/{number}.jpg" for number in range(600)], tokens=8500)
            while (await asyncio.to_thread(provider.get, "/_/stats"))["in_flight"] <= 500:
                await asyncio.sleep(0.05)
            provider.post("/_/latency", {"latency": 0.02})
            job = await finished(engine, job_id)
    finally:
        provider.post("/_/latency", {"latency": 0.02})
    assert job.succeeded == 600


async def test_what_is_alone_in_hand_is_written_at_once(
    engine: AsyncEngine, settings: Settings, host: FakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.dispatch.recorder, "GATHER_SECONDS", 3600.0)
    async with working(settings):
        for items in (1, 7):
            images = [f"{host.url}/64x64/{number}.jpg" for number in range(items)]
            await finished(engine, await make_job(engine, images, tokens=8500))


async def test_a_wake_up_that_comes_just_as_the_dispatcher_goes_to_sleep_is_heard(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (Task.DISPATCH, "fake/gpt-4o-mini")
    async with working(settings) as work:
        monkeypatch.setattr(dispatcher, "IDLE_SECONDS", 0.0)
        work.wake(*key)
        asleep = work._running._work[key]
        while not asleep.done():
            await asyncio.sleep(0)
        monkeypatch.setattr(dispatcher, "IDLE_SECONDS", 5.0)
        work.wake(*key)
        await asyncio.sleep(0.1)
        assert key in work._running._work
        assert work._running._work[key] is not asleep


async def test_the_end_of_a_job_is_announced_once_and_signed(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    with start("webhook_receiver") as receiver:
        receiver.post("/_/secret", {"secret": SECRET})
        receiver.post("/_/script", [500])
        async with working(settings), working(settings):
            job_id = await make_job(
                engine, [f"{host.url}/64x64/a.jpg"], tokens=8500, webhook_url=f"{receiver.url}/hook"
            )
            await finished(engine, job_id)
            await until(engine, "SELECT status FROM deliveries WHERE status <> 'pending'", "delivered")
        first, second = receiver.get("/_/deliveries")
        assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
        assert second["verified"]
    attempts = await rows(engine, "SELECT status, delivered FROM delivery_attempts ORDER BY id")
    assert [tuple(row) for row in attempts] == [(500, False), (200, True)]


async def until(engine: AsyncEngine, statement: str, value: object, seconds: float = 240) -> None:
    """Wait until a query's first value is this one."""
    async with asyncio.timeout(seconds):
        while True:
            found = await rows(engine, statement)
            if found and found[0][0] == value:
                return
            await asyncio.sleep(0.05)
