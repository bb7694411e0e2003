"""The law of a lane, on a real Valkey. Start times are read from the answers; hardly anything is waited for."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from embedded.ports import free
from vision.limiter import Limit, Limiter, Settlement, connect
from vision.limiter.limiter import HEADROOM_SECONDS

LANE = "fake/gpt-4o"
LIMIT = Limit(rpm=6_000, tpm=600_000)
"""100 calls and 10,000 tokens a second."""
BURST = 1 - HEADROOM_SECONDS / 60
SLACK = 0.1
"""Seconds that a step of a test may take on a busy machine."""


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client like the worker's."""
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def limiter(redis: Redis) -> Limiter:
    """The limiter of one process."""
    return Limiter(redis)


async def starts(limiter: Limiter, tokens: list[int], limit: Limit = LIMIT) -> list[float]:
    """When these calls may start, in the seconds of this machine's clock, at the latest."""
    waits = await limiter.reserve(LANE, limit, tokens)
    now = time.time()
    return [now + wait for wait in waits if wait is not None]


async def test_the_burst_starts_at_once_and_the_rest_at_the_pace_of_the_refill(limiter: Limiter) -> None:
    waits = await limiter.reserve(LANE, LIMIT, [10_000] * 80)
    assert waits[:59] == [0.0] * 59
    paced = [wait for wait in waits[59:] if wait is not None]
    assert paced == pytest.approx([0.5 + number for number in range(21)], abs=0.001)


async def test_requests_are_a_bucket_of_their_own(limiter: Limiter) -> None:
    waits = await limiter.reserve(LANE, LIMIT, [1] * 6_100)
    assert waits[:5_950] == [0.0] * 5_950
    assert waits[-1] == pytest.approx(1.5, abs=0.001)


async def test_first_come_first_served(limiter: Limiter) -> None:
    waits = [wait for _ in range(20) for wait in await limiter.reserve(LANE, LIMIT, [100, 250_000, 7])]
    began = [wait or 0.0 for wait in waits]
    assert all(later >= earlier - SLACK for earlier, later in pairwise(began))
    assert began[-1] > 400


async def test_what_is_larger_than_the_bucket_never_starts_and_costs_nothing(limiter: Limiter) -> None:
    assert await limiter.reserve(LANE, LIMIT, [600_001, 590_000, 600_001]) == [None, 0.0, None]
    assert (await limiter.reserve(LANE, LIMIT, [5_000]))[0] == pytest.approx(0, abs=SLACK)


async def test_the_whole_bucket_in_one_call_waits_for_the_headroom(limiter: Limiter) -> None:
    assert await limiter.reserve(LANE, LIMIT, [600_000]) == [pytest.approx(HEADROOM_SECONDS)]


async def test_one_request_a_minute(limiter: Limiter) -> None:
    waits = await limiter.reserve(LANE, Limit(rpm=1, tpm=100), [1, 1, 1])
    assert waits == [0.0, pytest.approx(60), pytest.approx(120)]


@pytest.mark.parametrize("seed", range(5))
async def test_two_processes_together_keep_the_law(redis_url: str, seed: int) -> None:
    """In every span of time the granted starts stay below what the bucket holds and refills in it, pauses or not."""
    rand = random.Random(seed)
    limit = Limit(rpm=rand.choice([300, 6_000, 60_000]), tpm=rand.choice([60_000, 600_000]))
    granted: list[tuple[float, int]] = []

    async def process(client: Redis) -> None:
        limiter = Limiter(client)
        for _ in range(15):
            tokens = [rand.randint(1, limit.tpm // 20) for _ in range(rand.randint(1, 30))]
            granted.extend(zip(await starts(limiter, tokens, limit), tokens, strict=True))
            if rand.random() < 0.2:
                await limiter.pause(LANE, rand.uniform(0, 40))
            await asyncio.sleep(rand.uniform(0, 0.01))

    clients = [connect(redis_url) for _ in range(2)]
    await asyncio.gather(*[process(client) for client in clients for _ in range(2)])
    for client in clients:
        await client.aclose()
    granted.sort()
    keeps_the_law(granted, limit)


def keeps_the_law(granted: list[tuple[float, int]], limit: Limit) -> None:
    """Leaky buckets filled by the starts never overflow: the same as looking at every span there is."""
    used_tokens = used_requests = 0.0
    before = granted[0][0]
    for start, tokens in granted:
        used_tokens = max(0.0, used_tokens - (start - before) * limit.tpm / 60) + tokens
        used_requests = max(0.0, used_requests - (start - before) * limit.rpm / 60) + 1
        before = start
        assert used_tokens <= limit.tpm * (BURST + SLACK / 60) + 1
        assert used_requests <= limit.rpm * (BURST + SLACK / 60) + 1


async def test_settling_gives_back(limiter: Limiter) -> None:
    await limiter.reserve(LANE, LIMIT, [595_000])
    await limiter.settle(LANE, LIMIT, Settlement(tokens_back=300_000, requests_back=1))
    assert (await limiter.reserve(LANE, LIMIT, [299_000]))[0] == pytest.approx(0, abs=SLACK)
    assert (await limiter.reserve(LANE, LIMIT, [100_000]))[0] == pytest.approx(9.9, abs=SLACK)


async def test_no_more_can_be_given_back_than_the_bucket_holds(limiter: Limiter) -> None:
    await limiter.settle(LANE, LIMIT, Settlement(tokens_back=10_000_000, requests_back=10_000))
    assert await limiter.reserve(LANE, LIMIT, [595_000, 10_000]) == [0.0, pytest.approx(1, abs=SLACK)]


async def test_the_providers_own_count_wins_where_it_is_lower(limiter: Limiter) -> None:
    await limiter.settle(LANE, LIMIT, Settlement(remaining_tokens=50_000, remaining_requests=3))
    state = await limiter.state(LANE, LIMIT)
    assert state.tokens_left == pytest.approx(50_000, abs=10_000 * SLACK)
    assert state.requests_left == pytest.approx(3, abs=100 * SLACK)
    await limiter.settle(LANE, LIMIT, Settlement(remaining_tokens=599_999, remaining_requests=5_999))
    assert (await limiter.state(LANE, LIMIT)).tokens_left < 100_000


async def test_a_pause_holds_for_every_process(limiter: Limiter, redis_url: str) -> None:
    await limiter.pause(LANE, 20)
    await limiter.pause(LANE, 5)
    other = connect(redis_url)
    assert (await Limiter(other).reserve(LANE, LIMIT, [1]))[0] == pytest.approx(20, abs=SLACK)
    await other.aclose()
    assert (await limiter.state(LANE, LIMIT)).paused_seconds == pytest.approx(20, abs=SLACK)


async def test_a_pause_is_no_time_to_save_up_for_twice_the_burst(limiter: Limiter) -> None:
    await limiter.pause(LANE, 60)
    first = await limiter.reserve(LANE, LIMIT, [590_000])
    await limiter.settle(LANE, LIMIT, Settlement(calls=1))
    assert first == [pytest.approx(60, abs=SLACK)]
    assert (await limiter.reserve(LANE, LIMIT, [590_000]))[0] == pytest.approx(60 + 58.5, abs=SLACK)


async def test_the_state_tells_what_was_used(limiter: Limiter) -> None:
    fresh = await limiter.state(LANE, LIMIT)
    assert (fresh.tokens_left, fresh.requests_left, fresh.paused_seconds) == (600_000, 6_000, 0.0)
    await limiter.reserve(LANE, LIMIT, [100_000] * 8)
    await limiter.settle(LANE, LIMIT, Settlement(tokens_used=700_000, calls=8, throttled=2))
    await limiter.settle(LANE, LIMIT, Settlement(tokens_used=1_000, calls=1, throttled=1))
    state = await limiter.state(LANE, LIMIT)
    assert state.tokens_left == pytest.approx(595_000 - 800_000, abs=10_000 * SLACK)
    assert state.throttled == 3
    # The minute may turn between settling and asking; the last one then counts for a little less.
    assert state.tokens_last_minute == pytest.approx(701_000, rel=0.05)
    assert 8 <= state.requests_last_minute <= 9


async def test_lanes_do_not_share(limiter: Limiter) -> None:
    await limiter.reserve(LANE, LIMIT, [595_000])
    assert await limiter.reserve("fake/other", LIMIT, [595_000]) == [0.0]


async def test_losing_everything_is_survived(limiter: Limiter, redis: Redis) -> None:
    await limiter.reserve(LANE, LIMIT, [595_000])
    await redis.flushall()
    await redis.script_flush()
    assert await limiter.reserve(LANE, LIMIT, [595_000]) == [0.0]
    await redis.script_flush()
    await limiter.settle(LANE, LIMIT, Settlement(tokens_back=10))
    await limiter.pause(LANE, 1)
    assert (await limiter.state(LANE, LIMIT)).paused_seconds > 0


async def test_a_redis_that_is_away_is_an_error_within_seconds() -> None:
    redis = connect(f"redis://127.0.0.1:{free()}/0")
    began = time.monotonic()
    with pytest.raises(RedisError):
        await Limiter(redis).reserve(LANE, LIMIT, [1])
    assert time.monotonic() - began < 10
    await redis.aclose()
