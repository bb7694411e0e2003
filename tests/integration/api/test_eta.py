"""How long a job will take, by the limit in force and with what else is on its lane."""

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from api import lane_states
from tests.integration.api.hands import LANE
from tests.integration.api.test_control import act, make
from vision.limiter import Settlement

CALLS = 600
"""At 60 a minute."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look each time, for as long as it takes."""
    monkeypatch.setattr(lane_states, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(lane_states, "PATIENCE_SECONDS", 60.0)


async def eta(client: httpx2.AsyncClient, path: str) -> Any:
    """What is told."""
    one = (await client.get(path)).json()["eta_seconds"]
    listed = {f"/v1/jobs/{job['id']}": job["eta_seconds"] for job in (await client.get("/v1/jobs")).json()["data"]}
    assert listed[path] == pytest.approx(one, abs=2)
    return one


async def test_alone_on_its_lane_it_takes_what_the_limit_says(client: httpx2.AsyncClient) -> None:
    assert await eta(client, await make(client, CALLS)) == CALLS


async def test_a_pause_of_the_lane_comes_on_top(app: FastAPI, client: httpx2.AsyncClient) -> None:
    path = await make(client, CALLS)
    lane = app.state.services.context.catalogue.lanes[LANE]
    await app.state.services.limiter.pause(LANE, lane.limit, 1_000)
    assert await eta(client, path) == pytest.approx(CALLS + 1_000, abs=60)


async def test_a_limit_that_was_told_is_the_one(app: FastAPI, client: httpx2.AsyncClient) -> None:
    path = await make(client, CALLS)
    lane = app.state.services.context.catalogue.lanes[LANE]
    await app.state.services.limiter.settle(LANE, lane.limit, Settlement(stated=(None, 30)))
    assert await eta(client, path) == 2 * CALLS


async def test_what_is_beside_and_before_it_counts(client: httpx2.AsyncClient) -> None:
    path = await make(client, CALLS)
    beside = await make(client, 300)
    assert await eta(client, path) == CALLS + 300
    assert await eta(client, beside) == 600
    before = await make(client, 100, priority=1)
    assert await eta(client, path) == CALLS + 400
    assert await eta(client, before) == 100
    await act(client, beside, "pause")
    assert await eta(client, path) == CALLS + 100
    paused = (await client.get(beside)).json()
    assert paused["eta_seconds"] is None


async def test_the_lane_is_looked_at_once_a_second(
    app: FastAPI, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_states, "FRESH_SECONDS", 1_000.0)
    path = await make(client, CALLS)
    assert (await client.get(path)).json()["eta_seconds"] == CALLS
    await make(client, CALLS)
    assert (await client.get(path)).json()["eta_seconds"] == CALLS


async def test_without_redis_the_stated_limit_is_told(app: FastAPI, client: httpx2.AsyncClient) -> None:
    path = await make(client, CALLS)
    await app.state.services.redis.aclose()
    app.state.services.redis.connection_pool.connection_kwargs["port"] = 9
    assert (await client.get(path)).json()["eta_seconds"] == CALLS
