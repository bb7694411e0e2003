"""A provider that is down, or refuses: nothing fails that need not, and nobody waits for what will not come."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_job, make_measured_job
from tests.fakes import FakeProcess, start
from tests.integration.worker.test_work import finished, provider, providers_file, until, working
from tests.integration.worker.test_work import settings as worker_settings
from tests.ports import free_port
from tests.queries import one, rows, run
from vision.intake import IntakeContext, cancel, pause
from vision.jobs.reports.job_report import JobReport
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider.catalogue import Catalogue
from vision.settings import Settings
from vision.storage.queue import outages
from vision.storage.reports import jobs

__all__ = ["provider", "worker_settings"]

LANE = "fake/gpt-4o-mini"
HOUR = 3_600


@pytest.fixture
def settings(worker_settings: Settings, provider: FakeProcess) -> Settings:
    """Images by URL, which nobody fetches."""
    worker_settings.providers_file = providers_file(worker_settings.data_dir, provider.url, images="url")
    return worker_settings


@pytest.fixture
async def context(engine: AsyncEngine, redis_url: str, tmp_path: Path) -> AsyncIterator[IntakeContext]:
    """The door's side. Nobody hears its wake-ups here: what they would tell sooner is looked for all the same."""
    wake_ups = WakeUps(redis_url)
    yield IntakeContext(engine, Catalogue({}), wake_ups, Guard(allow_private=True), tmp_path)
    await wake_ups.close()


def pictures(*names: object) -> list[str]:
    return [f"http://127.0.0.1:9/64x64/{name}.jpg" for name in names]


async def job_of(engine: AsyncEngine, *names: object, **columns: Any) -> UUID:
    return await make_job(engine, pictures(*names), tokens=8500, **columns)


async def shown(engine: AsyncEngine, job_id: UUID) -> JobReport:
    """The job as callers see it."""
    async with engine.connect() as connection:
        return await jobs.get(connection, "default", job_id)


def calls(provider: FakeProcess) -> list[Any]:
    found: list[Any] = provider.get("/_/log")["calls"]
    return found


async def test_an_outage_fails_nothing_and_hears_of_one_call_a_second_from_all(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess
) -> None:
    provider.post("/_/faults", [{"fault": {"kind": "status", "status": 503, "body": "<html>"}, "for_seconds": 9}])
    file = providers_file(settings.data_dir, provider.url, images="url")
    file.write_text(file.read_text().replace("rpm = 1_000_000", "rpm = 6_000"))
    async with working(settings), working(settings), asyncio.timeout(120):
        job_id = await job_of(engine, *range(300))
        await until(engine, "SELECT count(*) FROM lane_outages", 1)
        waiting = await shown(engine, job_id)
        assert (waiting.status, waiting.status_code) == ("running", "upstream_down")
        outage = await one(engine, "SELECT * FROM lane_outages")
        assert (outage.code, waiting.waiting_since) == ("upstream_error", outage.since)
        job = await finished(engine, job_id)
    assert (job.succeeded, job.failed, job.status_code) == (300, 0, "done")
    assert (await one(engine, "SELECT max(attempts) FROM results"))[0] == 1
    assert await rows(engine, "SELECT FROM lane_outages") == []
    since = outage.since.timestamp()
    probes = [call["time"] for call in calls(provider) if call["status"] == 503 and call["time"] > since + 2]
    assert 1 <= len(probes) <= 3, "after 1, 3 and 7 seconds"
    assert all(later - sooner >= 0.9 for sooner, later in pairwise(probes))
    back = min(call["time"] for call in calls(provider) if call["status"] == 200)
    assert 5 < back - since < 30, "by the probe after 7 or 15 seconds; machines may be slow"


async def test_a_provider_that_goes_away_and_comes_back_fails_nothing(engine: AsyncEngine, settings: Settings) -> None:
    port = free_port()
    options = ("provider", "--key", "none", "--latency", "0.1", "--limit", "gpt-4o-mini=1000000/2000000000")
    settings.providers_file = providers_file(settings.data_dir, f"http://127.0.0.1:{port}", images="url")
    settings.max_in_flight = 10
    async with working(settings), working(settings), asyncio.timeout(240):
        with start(*options, port=port):
            job_id = await job_of(engine, *range(400))
            await until(engine, "SELECT succeeded > 50 FROM jobs", True)
        await until(engine, "SELECT probes >= 2 FROM lane_outages", True)
        assert (await shown(engine, job_id)).status_code == "upstream_down"
        with start(*options, port=port):
            job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (400, 0)
    unreached = await rows(engine, "SELECT FROM ledger WHERE outcome = 'upstream_unreachable' AND cost_is_known")
    assert 0 < len(unreached) < 60


async def test_bad_items_in_a_healthy_lane_fail_by_their_attempts(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess
) -> None:
    for status in (500, 503):
        provider.post(
            "/_/faults", [{"match": {"url_contains": f"bad-{status}"}, "fault": {"kind": "status", "status": status}}]
        )
    provider.post("/_/latency", {"latency": 0.1})
    settings.max_in_flight = 4
    try:
        async with working(settings):
            job = await finished(engine, await job_of(engine, "bad-500", "bad-503", *range(200)))
    finally:
        provider.post("/_/latency", {"latency": 0.02})
    assert (job.succeeded, job.failed) == (200, 2)
    failed = await rows(engine, "SELECT error_code, attempts FROM results WHERE status = 'failed'")
    assert [tuple(row) for row in failed] == [("upstream_error", 5)] * 2


async def test_one_item_s_refusal_is_not_taken_for_the_key_s(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess
) -> None:
    denied = {"code": "permission-denied", "error": "Content violates usage guidelines."}
    said = {"kind": "status", "status": 403, "body": denied}
    unsaid = {"kind": "status", "status": 403, "body": ""}
    provider.post("/_/faults", [{"match": {"url_contains": "violates"}, "fault": said}])
    provider.post("/_/faults", [{"match": {"url_contains": "unsaid"}, "fault": unsaid}])
    settings.max_in_flight = 4
    async with working(settings):
        job = await finished(engine, await job_of(engine, *range(50), "violates", "unsaid", *range(100, 150)))
    assert (job.status, job.succeeded, job.failed) == ("succeeded", 100, 2)
    failed = await rows(engine, "SELECT error_code, attempts FROM results WHERE status = 'failed' ORDER BY number")
    assert [tuple(row) for row in failed] == [("content_filtered", 1), ("upstream_rejected", 5)]
    assert await rows(engine, "SELECT FROM events WHERE type = 'job.paused'") == []


@pytest.mark.parametrize("status", [401, 403])
async def test_where_everything_is_refused_the_lane_is_paused(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, status: int
) -> None:
    provider.post("/_/faults", [{"fault": {"kind": "status", "status": status, "body": ""}}])
    async with working(settings):
        await job_of(engine, *range(50))
        await until(engine, "SELECT status_code FROM jobs WHERE status = 'paused'", "upstream_auth")
        await until(engine, "SELECT count(*) FROM ranges WHERE lease_token IS NOT NULL", 0)
    assert await rows(engine, "SELECT FROM results") == []


@pytest.mark.parametrize("how", ["cancel", "pause", "expire"])
async def test_a_job_that_ends_leaves_a_lane_that_is_paused_for_an_hour(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, context: IntakeContext, how: str
) -> None:
    provider.post("/_/faults", [{"fault": {"kind": "rate_limited", "seconds": HOUR}}])
    async with working(settings), asyncio.timeout(120):
        job_id = await job_of(engine, *range(20))
        await until(engine, "SELECT count(*) > 0 FROM ranges WHERE lease_token IS NOT NULL", True)
        while not calls(provider):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        sent = len(calls(provider))
        await stop(how, engine, context, job_id)
        ended = {"cancel": "cancelled", "pause": "paused", "expire": "expired"}[how]
        await until(engine, f"SELECT status = '{ended}' FROM jobs", True, seconds=20)
        await until(engine, "SELECT count(*) FROM ranges WHERE lease_token IS NOT NULL", 0, seconds=20)
        assert len(calls(provider)) == sent
    (job,) = await rows(engine, "SELECT * FROM jobs")
    assert (job.unknown_cost, job.spent, job.failed) == (0, 0, 0)


@pytest.mark.parametrize("how", ["cancel", "expire"])
async def test_a_job_may_end_while_its_lane_is_down(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, context: IntakeContext, how: str
) -> None:
    provider.post("/_/faults", [{"fault": {"kind": "status", "status": 503, "headers": {"retry-after": "60"}}}])
    async with working(settings), asyncio.timeout(120):
        job_id = await job_of(engine, *range(20))
        await until(engine, "SELECT probe_at > now() + interval '30 s' FROM lane_outages", True)
        await until(engine, "SELECT count(*) FROM ranges WHERE lease_token IS NOT NULL", 1)
        await stop(how, engine, context, job_id)
        job = await finished(engine, job_id, seconds=20)
    assert job.status == {"cancel": "cancelled", "expire": "expired"}[how]
    assert job.failed == 0
    assert (await shown(engine, job_id)).waiting_since is None


async def test_a_cancelled_job_waits_for_no_place_in_flight(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, context: IntakeContext
) -> None:
    settings.providers_file.write_text(settings.providers_file.read_text() + "max_in_flight = 1\n")  # type: ignore[union-attr]
    provider.post("/_/latency", {"latency": None})
    try:
        async with working(settings), asyncio.timeout(120):
            job_id = await job_of(engine, *range(6))
            await until(engine, "SELECT count(*) > 0 FROM ranges WHERE lease_token IS NOT NULL", True)
            while not (await asyncio.to_thread(provider.get, "/_/stats"))["in_flight"]:
                await asyncio.sleep(0.05)
            await cancel(context, "default", job_id)
            in_hand = "SELECT sum(stop - start - done) FROM ranges WHERE lease_token IS NOT NULL"
            await until(engine, in_hand, 1, seconds=20)
            provider.post("/_/latency", {"latency": 0.02})
            assert (await finished(engine, job_id, seconds=20)).succeeded == 1
    finally:
        provider.post("/_/latency", {"latency": 0.02})


async def stop(how: str, engine: AsyncEngine, context: IntakeContext, job_id: UUID) -> None:
    """Cancel or pause the job, or let its deadline pass."""
    if how == "expire":
        await run(engine, "UPDATE jobs SET expires_at = now() WHERE id = :id", id=job_id)
    else:
        await {"cancel": cancel, "pause": pause}[how](context, "default", job_id)


async def test_one_of_many_gets_the_right_to_probe_and_nobody_s_death_stops_the_next_one(engine: AsyncEngine) -> None:
    opened = [await outages.open_(engine, LANE, "upstream_error", "No.", doublings=0, stated=0.0) for _ in range(2)]
    assert opened == [True, False]
    assert await outages.probe(engine, LANE) is None, "not due"
    for wait in (2, 4, 8, 8):
        await run(engine, "UPDATE lane_outages SET probe_at = now()")
        taken = await asyncio.gather(*[outages.probe(engine, LANE) for _ in range(5)])
        assert [each for each in taken if each] == [pytest.approx(wait, abs=0.1)]
    await outages.keep_open(engine, LANE, "upstream_error", "Still no.", stated=HOUR)
    outage = await one(engine, "SELECT message, extract(epoch FROM probe_at - now()) AS wait FROM lane_outages")
    assert (outage.message, float(outage.wait)) == ("Still no.", pytest.approx(60, abs=2))
    assert await outages.probe(engine, "other/lane") is None
    down = await outages.close(engine, LANE)
    assert down is not None
    assert down >= 0
    assert await outages.close(engine, LANE) is None


async def test_an_outage_is_forgotten_where_nothing_waits(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 1)
    for lane in (LANE, "other/lane", "fresh/lane"):
        await outages.open_(engine, lane, "upstream_error", "No.", doublings=0, stated=0.0)
    await run(engine, "UPDATE lane_outages SET probe_at = now() - interval '5 min' WHERE lane <> 'fresh/lane'")
    await outages.forget(engine)
    assert {row.lane for row in await rows(engine, "SELECT lane FROM lane_outages")} == {LANE, "fresh/lane"}
