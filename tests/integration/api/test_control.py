"""Cancel, pause, resume and retry, with items in a worker's hands."""

import time
from typing import Any

import httpx2
import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.api.hands import LANE, fail, succeed, take
from tests.integration.api.test_jobs import URL
from vision.storage.queue import outages


async def make(client: httpx2.AsyncClient, count: int, **fields: Any) -> str:
    """A job of items that need no measuring; the path of the job."""
    body = {"preset": "moderation", "model": LANE, "detail": "low", "items": [{"image": URL}] * count, **fields}
    return str((await client.post("/v1/jobs", json=body)).headers["location"])


async def act(client: httpx2.AsyncClient, path: str, verb: str) -> dict[str, Any]:
    """Do something to the job; the job afterwards."""
    answer = await client.post(f"{path}/{verb}")
    assert answer.status_code == 200, answer.json()
    return dict(answer.json())


async def counts(client: httpx2.AsyncClient, path: str) -> dict[str, int]:
    """The counts that are not 0, once they are known to sum."""
    found = dict((await client.get(path)).json()["request_counts"])
    total = found.pop("total")
    assert sum(found.values()) == total
    return {name: count for name, count in found.items() if count}


async def rows(engine: AsyncEngine, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_counts_sum_at_every_step(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 5)
    assert await counts(client, path) == {"queued": 5}
    held = await take(engine, 3)
    assert await counts(client, path) == {"queued": 2, "in_flight": 3}
    await succeed(engine, held[0])
    await fail(engine, held[1])
    assert await counts(client, path) == {"queued": 2, "in_flight": 1, "succeeded": 1, "failed": 1}
    job = (await client.get(path)).json()
    assert (job["status"], job["progress"]) == ("running", 0.4)
    assert job["cost"]["spent"] == "0.000473"
    assert job["tokens"]["image"] == 2833


async def test_a_job_whose_lane_is_not_on_offer_says_so(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 2)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE jobs SET lane = 'fake/gone'"))
    job = (await client.get(path)).json()
    assert (job["status"], job["status_code"]) == ("queued", "lane_removed")
    assert (await act(client, path, "pause"))["status_code"] == "paused_by_user"
    await act(client, path, "resume")
    await take(engine, 1)
    job = (await client.get(path)).json()
    assert (job["status"], job["status_code"]) == ("running", "working"), "a worker knows it"


async def test_cancel_of_an_idle_job_ends_it_now(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 2, webhook_url="https://example.com/hook")
    job = await act(client, path, "cancel")
    assert (job["status"], job["status_code"]) == ("cancelled", "cancelled_by_user")
    assert job["finished_at"]
    assert job["request_counts"]["cancelled"] == 2
    assert await act(client, path, "cancel") == job
    assert await take(engine, 2) == []
    assert await rows(engine, "SELECT type FROM events") == [("job.cancelled",)]
    assert await rows(engine, "SELECT url, status FROM deliveries") == [("https://example.com/hook", "pending")]
    assert await rows(engine, "SELECT 1 FROM turns UNION ALL SELECT 1 FROM ranges") == []


async def test_cancel_waits_for_calls_in_flight(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 5)
    held = await take(engine, 2)
    job = await act(client, path, "cancel")
    assert (job["status"], job["status_code"]) == ("running", "cancelling")
    assert await counts(client, path) == {"queued": 3, "in_flight": 2}
    assert await take(engine, 5) == []
    await succeed(engine, *held)
    assert (await client.get(path)).json()["status"] == "cancelled"
    assert await counts(client, path) == {"succeeded": 2, "cancelled": 3}
    for verb in ("pause", "resume", "retry"):
        refused = await client.post(f"{path}/{verb}")
        assert (refused.status_code, refused.headers["x-should-retry"]) == (409, "false")


async def test_pause_holds_what_is_not_in_flight(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 3)
    held = await take(engine, 1)
    job = await act(client, path, "pause")
    assert (job["status"], job["status_code"], job["eta_seconds"]) == ("paused", "paused_by_user", None)
    assert await act(client, path, "pause") == job
    assert await take(engine, 3) == []
    await succeed(engine, *held)
    assert await counts(client, path) == {"queued": 2, "succeeded": 1}
    job = await act(client, path, "resume")
    assert (job["status"], job["status_code"]) == ("running", "working")
    assert (await act(client, path, "resume"))["status"] == "running"
    await succeed(engine, *await take(engine, 3))
    assert (await client.get(path)).json()["status"] == "succeeded"


async def test_a_paused_job_can_be_cancelled(client: httpx2.AsyncClient) -> None:
    path = await make(client, 3)
    await act(client, path, "pause")
    assert (await act(client, path, "cancel"))["status"] == "cancelled"


async def test_retry_takes_up_runs_of_failed_items(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 7)
    held = await take(engine, 7)
    await succeed(engine, held[0], held[4])
    await fail(engine, *held[1:4], *held[5:])
    assert (await client.get(path)).json()["status"] == "succeeded"
    job = await act(client, path, "retry")
    assert (job["status"], job["finished_at"]) == ("running", None)
    assert await counts(client, path) == {"queued": 5, "succeeded": 2}
    assert await rows(engine, "SELECT phase, start, stop FROM ranges ORDER BY start") == [
        ("call", 2, 5),
        ("call", 6, 8),
    ]
    assert (await client.post(f"{path}/retry")).json()["error"]["code"] == "job_not_finished"
    again = await take(engine, 7)
    assert [item.number for item in again] == [2, 3, 4, 6, 7]
    await succeed(engine, *again)
    assert (await client.get(path)).json()["status"] == "succeeded"
    assert (await client.post(f"{path}/retry")).json()["error"]["code"] == "nothing_failed"


async def test_retry_measures_what_was_never_measured(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 2)
    await fail(engine, *await take(engine, 2))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE items SET image_tokens = NULL WHERE number = 2"))
    await act(client, path, "retry")
    assert await rows(engine, "SELECT phase, start FROM ranges ORDER BY start") == [("call", 1), ("measure", 2)]


async def test_a_deadline_that_passed_does_not_end_a_retry(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 1, deadline_seconds=3600)
    await fail(engine, *await take(engine, 1))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE jobs SET expires_at = now() - interval '1 second'"))
    assert (await act(client, path, "retry"))["expires_at"] is None


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
async def test_unknown_jobs_are_not_found(client: httpx2.AsyncClient, verb: str) -> None:
    assert (await client.post(f"/v1/jobs/job_{'0' * 32}/{verb}")).status_code == 404


async def test_a_job_whose_provider_does_not_answer_says_so_and_since_when(
    client: httpx2.AsyncClient, engine: AsyncEngine
) -> None:
    path, paused = await make(client, 2), await make(client, 2)
    await act(client, paused, "pause")
    assert (await client.get(path)).json()["waiting_since"] is None
    await outages.open_(engine, LANE, "upstream_error", "The provider answered 503.", doublings=0, stated=30.0)
    job = (await client.get(path)).json()
    assert (job["status"], job["status_code"], job["eta_seconds"]) == ("queued", "upstream_down", None)
    assert time.time() - 60 < job["waiting_since"] <= time.time() + 1
    listed = (await client.get("/v1/jobs")).json()["data"]
    assert [job["status_code"] for job in listed] == ["paused_by_user", "upstream_down"]
    lane = (await client.get("/v1/lanes")).json()["data"][0]
    assert lane["breaker"] == {
        "open_since": job["waiting_since"],
        "next_probe_at": pytest.approx(job["waiting_since"] + 30, abs=1),
        "code": "upstream_error",
        "message": "The provider answered 503.",
    }
    assert f'tessera_lane_down{{lane="{LANE}"}} 1.0' in (await client.get("/metrics")).text
    assert (await act(client, path, "cancel"))["status_code"] == "cancelled_by_user"
    await outages.close(engine, LANE)
    assert (await act(client, paused, "resume"))["status_code"] == "working"


@pytest.mark.parametrize("verb", ["pause", "cancel"])
async def test_an_event_says_what_polling_says(client: httpx2.AsyncClient, engine: AsyncEngine, verb: str) -> None:
    path = await make(client, 5)
    first, second, third = await take(engine, 3)
    await succeed(engine, first)
    await fail(engine, second)
    await act(client, path, verb)
    if verb == "cancel":
        await succeed(engine, third)
    job = (await client.get(path)).json()
    ((body,),) = await rows(engine, "SELECT body FROM events")
    said = orjson.loads(body)["data"]
    assert said["request_counts"] == job["request_counts"]
    assert said["cost"]["spent"] == job["cost"]["spent"] == ("0.000473" if verb == "pause" else "0.000946")
    assert (said["status"], said["status_code"]) == (job["status"], job["status_code"])
