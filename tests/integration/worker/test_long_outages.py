"""Outages as long as real ones. They take minutes: `pytest -m long`."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fakes import FakeProcess
from tests.integration.worker.test_outages import calls, job_of, provider, shown, worker_settings
from tests.integration.worker.test_work import finished, providers_file, until, working
from tests.queries import one
from vision.settings import Settings

__all__ = ["provider", "worker_settings"]

pytestmark = pytest.mark.long


@pytest.fixture
def settings(worker_settings: Settings, provider: FakeProcess) -> Settings:
    """Ten calls a second."""
    file = providers_file(worker_settings.data_dir, provider.url, images="url")
    file.write_text(file.read_text().replace("rpm = 1_000_000", "rpm = 600"))
    worker_settings.providers_file = file
    return worker_settings


async def test_forty_seconds_of_503_in_a_job_of_1500(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess
) -> None:
    async with working(settings), working(settings), asyncio.timeout(600):
        job_id = await job_of(engine, *range(1_500))
        await until(engine, "SELECT succeeded > 300 FROM jobs", True)
        fault = {"kind": "status", "status": 503, "body": "<html><h1>503 Service Temporarily Unavailable</h1>"}
        provider.post("/_/faults", [{"fault": fault, "for_seconds": 40}])
        began = time.time()
        await until(engine, "SELECT count(*) FROM lane_outages", 1)
        assert (await shown(engine, job_id)).status_code == "upstream_down"
        job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (1_500, 0)
    refused, answered = times(provider, 503), times(provider, 200)
    back = min(at for at in answered if at > began + 40)
    probes = [at for at in refused if at > refused[0] + 1.5]
    figures = {
        "calls refused": len(refused),
        "probes": len(probes),
        "shortest wait between probes": round(min(later - sooner for sooner, later in pairwise(probes)), 2),
        "first answer after the return": round(back - began - 40, 2),
        "job": round((job.finished_at - job.started_at).total_seconds(), 1),
    }
    print(figures)
    assert back - began <= 40 + 10
    assert all(later - sooner >= 0.9 for sooner, later in pairwise(probes))
    assert (await one(engine, "SELECT max(attempts) FROM results"))[0] == 1


async def test_a_server_that_limits_to_half_the_rate_by_503(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess
) -> None:
    provider.post("/_/faults", [{"match": {"over": 5}, "fault": {"kind": "status", "status": 503, "body": "<html>"}}])
    async with working(settings), working(settings), asyncio.timeout(800):
        job = await finished(engine, await job_of(engine, *range(150)), seconds=800)
    figures: dict[str, Any] = {
        "calls refused": len(times(provider, 503)),
        "most attempts": (await one(engine, "SELECT max(attempts) FROM results"))[0],
        "job": round((job.finished_at - job.started_at).total_seconds(), 1),
    }
    print(figures)
    assert (job.succeeded, job.failed) == (150, 0)


def times(provider: FakeProcess, status: int) -> list[float]:
    """When the calls came that were answered so."""
    return [call["time"] for call in calls(provider) if call["status"] == status]
