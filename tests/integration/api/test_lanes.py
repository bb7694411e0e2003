"""Lanes over HTTP: ending a pause."""

import httpx2
import pytest

from vision.limiter import Limiter, connect
from vision.provider.limits import Limit

LANE = "fake/gpt-4o-mini"


async def paused(client: httpx2.AsyncClient) -> float:
    """Seconds that the lane is paused for, as it is shown."""
    lanes = (await client.get("/v1/lanes")).json()["data"]
    return float(next(lane for lane in lanes if lane["id"] == LANE)["now"]["paused_seconds"])


async def test_a_pause_is_lifted(client: httpx2.AsyncClient, redis_url: str) -> None:
    async with connect(redis_url) as redis:
        await Limiter(redis).pause(LANE, Limit(rpm=60, tpm=6_000_000), 600)
    assert await paused(client) > 590
    answer = await client.post(f"/v1/lanes/{LANE}/resume")
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["object"], answer.json()["now"]["paused_seconds"]) == (LANE, "lane", 0.0)
    assert await paused(client) == 0.0
    again = await client.post(f"/v1/lanes/{LANE}/resume")
    assert again.json().keys() == answer.json().keys()


@pytest.mark.parametrize("lane", ["fake/none", "gpt-4o-mini", "fake/gpt-4o-mini/more"])
async def test_an_unknown_lane_is_not_found(client: httpx2.AsyncClient, lane: str) -> None:
    answer = await client.post(f"/v1/lanes/{lane}/resume")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
