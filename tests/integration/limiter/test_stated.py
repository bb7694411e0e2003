"""What a provider stated holds for a time: limits that expire, pauses that grow and can be ended."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from tests.integration.limiter.test_scripts import LANE, LIMIT, Clock, know, reserve, tell, waits
from vision.limiter import Demand, Limiter, Refused, Settlement, connect
from vision.prices import PriceSchedule
from vision.provider.catalogue.lane import Lane, Provider
from vision.provider.headers import RateLimits
from vision.provider.limits import Limit
from worker.pacing.pacer import LISTEN_SECONDS, SETTLE_SECONDS, Pacer

ANSWERED = Settlement(calls=1, answered=0.1)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client like the worker's."""
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def clock() -> Clock:
    """Stands still unless the test moves it."""
    return Clock()


@pytest.fixture
def limiter(redis: Redis, clock: Clock) -> Limiter:
    """The limiter of one process."""
    return Limiter(redis, clock)


async def requests_a_minute(limiter: Limiter, limit: Limit = LIMIT) -> int:
    """The limit in force."""
    return (await limiter.state(LANE, limit)).requests_per_minute


async def hear_of_sixty(limiter: Limiter) -> None:
    """An answer tells that 60 requests a minute are allowed."""
    reserved = await limiter.reserve(LANE, LIMIT, [Demand(1, 1)])
    await tell(limiter, reserved, 1_000, 50, stated=(None, 60))


async def test_a_stated_limit_ends_when_answers_come_without_it(limiter: Limiter, clock: Clock) -> None:
    await hear_of_sixty(limiter)
    assert await requests_a_minute(limiter) == 60
    for _ in range(4):
        await limiter.settle(LANE, LIMIT, ANSWERED)
        clock.now += 70
    await hear_of_sixty(limiter)  # repeated: it holds on
    clock.now += 290
    await limiter.settle(LANE, LIMIT, ANSWERED)
    assert await requests_a_minute(limiter) == 60
    clock.now += 301
    await limiter.settle(LANE, LIMIT, ANSWERED)
    assert await requests_a_minute(limiter) == 6_000
    assert (await limiter.reserve(LANE, LIMIT, [Demand(1, 1)])).schedule.rates[1] == 100


async def test_a_stated_limit_ends_after_an_hour_without_a_word_and_over_restarts(
    limiter: Limiter, redis: Redis, clock: Clock
) -> None:
    await hear_of_sixty(limiter)
    clock.now += 3_500
    assert await requests_a_minute(Limiter(redis, clock)) == 60
    clock.now += 101
    assert await requests_a_minute(Limiter(redis, clock)) == 6_000


async def test_a_stated_limit_ends_when_the_configured_one_changes(
    limiter: Limiter, redis: Redis, clock: Clock
) -> None:
    await hear_of_sixty(limiter)
    changed = Limit(rpm=3_000, tpm=LIMIT.tpm)
    assert await requests_a_minute(Limiter(redis, clock), changed) == 3_000
    await reserve(Limiter(redis, clock), [1], changed)
    assert await requests_a_minute(limiter) == 6_000


async def pauses(limiter: Limiter, clock: Clock, many: int) -> list[float]:
    """The lengths of so many pauses in a row whose length was not stated."""
    found = []
    for _ in range(many):
        schedule = await limiter.pause(LANE, LIMIT, None)
        found.append(round(schedule.paused - schedule.now, 3))
        clock.now += found[-1] + 0.5
    return found


async def test_pauses_of_unstated_length_grow_for_all_processes_and_end_with_a_success(
    limiter: Limiter, redis: Redis, clock: Clock
) -> None:
    await know(limiter, 600_000)
    assert await pauses(limiter, clock, 3) == [1, 2, 4]
    assert await pauses(Limiter(redis, clock), clock, 5) == [8, 16, 32, 60, 60]
    clock.now += 10
    await limiter.settle(LANE, LIMIT, Settlement(calls=1, answered=60))
    assert await pauses(limiter, clock, 1) == [60], "an answer to a call from before the pause says nothing"
    clock.now += 10
    await limiter.settle(LANE, LIMIT, ANSWERED)
    assert await pauses(limiter, clock, 2) == [1, 2]


async def test_refusals_of_calls_under_way_do_not_grow_the_pause(limiter: Limiter, clock: Clock) -> None:
    await know(limiter, 600_000)
    schedules = [await limiter.pause(LANE, LIMIT, None) for _ in range(5)]
    assert [round(schedule.paused - schedule.now, 3) for schedule in schedules] == [1] * 5


async def test_after_a_pause_one_call_goes_first_and_more_when_it_is_answered(limiter: Limiter, clock: Clock) -> None:
    await know(limiter, 600_000)
    reserved = await limiter.reserve(LANE, LIMIT, [Demand(1_000, 1_000)] * 8)
    begun = reserved.slots[0]
    assert begun
    await limiter.settle(LANE, LIMIT, Settlement(frame=reserved.schedule.frame, begun=begun))
    schedule = await limiter.pause(LANE, LIMIT, 1.0, stated=True, refused=Refused(1_000, None, begun[0]))
    bases = [slot[0] - 1_000 for slot in reserved.slots if slot]
    assert [base <= schedule.hold for base in bases] == [True, True, *[False] * 6]
    clock.now += 1.2
    ended = Settlement(frame=schedule.frame, begun=reserved.slots[1] or (), answered=0.1, calls=1)
    schedule = await limiter.settle(LANE, LIMIT, ended)
    clock.now += 0.2
    assert [base <= schedule.hold for base in bases] == [*[True] * 4, *[False] * 4]
    for _ in range(3):
        schedule = await limiter.settle(LANE, LIMIT, ended)
        clock.now += 0.2
    assert schedule.hold > bases[-1]


async def test_a_pause_is_lifted_for_processes_that_wait(redis_url: str) -> None:
    account = Provider("fake", "http://fake.example/v1", SecretStr("x"), "chat", "url")
    lane = Lane(LANE, account, "m", LIMIT, "none", PriceSchedule("m"), None)
    clients = [connect(redis_url) for _ in range(3)]
    pacers = [Pacer(Limiter(client), lane) for client in clients[:2]]
    first = await pacers[0].reserve(1)
    assert first
    assert await pacers[0].wait_until(first)
    await pacers[0].pause(first, 600, RateLimits())
    tickets = [await pacer.reserve(1) for pacer in pacers]
    starts = [
        asyncio.create_task(pacer.wait_until(ticket)) for pacer, ticket in zip(pacers, tickets, strict=True) if ticket
    ]
    done, _ = await asyncio.wait(starts, timeout=2 * LISTEN_SECONDS)
    assert not done
    await Limiter(clients[2]).resume(LANE, LIMIT)
    assert await asyncio.wait_for(asyncio.gather(*starts), 5) == [True, True]
    assert LISTEN_SECONDS + SETTLE_SECONDS <= 0.25
    for pacer, client in itertools.zip_longest(pacers, clients):
        if pacer:
            pacer.give_up()
            await pacer.drain()
        await client.aclose()


async def test_losing_everything_ends_a_pause_and_what_was_stated(limiter: Limiter, redis: Redis, clock: Clock) -> None:
    await hear_of_sixty(limiter)
    await limiter.pause(LANE, LIMIT, 600)
    await redis.flushall()
    clock.now += 1
    schedule = await limiter.pause(LANE, LIMIT, 0.01, refused=Refused(1_000, 0.0, 5_000_000_000.0))
    assert schedule.paused - schedule.now < 1, "where the process thinks that the schedule was means nothing"
    reserved = await limiter.reserve(LANE, LIMIT, [Demand(1_000, 1_000)])
    assert waits(reserved) == pytest.approx([0.1], abs=0.05)
    assert await requests_a_minute(limiter) == 6_000
