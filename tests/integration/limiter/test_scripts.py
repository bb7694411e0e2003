"""The scripts of a lane on a real Valkey, at instants that the test chooses."""

import itertools
import time
from collections.abc import AsyncIterator, Sequence

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from embedded.ports import free
from vision.limiter import Demand, Limiter, Reserved, Sample, Schedule, Settlement, connect
from vision.provider.limits import Limit

LANE = "fake/gpt-4o"
KEY = "tessera:lane:4:{fake/gpt-4o}"
LIMIT = Limit(rpm=6_000, tpm=600_000)
"""100 calls and 10,000 tokens a second."""
MARGIN = 0.1
"""Seconds of refill that stay with the provider."""
SURE = """
local lane = cmsgpack.unpack(redis.call('HGET', KEYS[1], 'lane'))
lane.sure = 0
redis.call('HSET', KEYS[1], 'lane', cmsgpack.pack(lane))
"""


class Clock:
    """Redis's clock, as the scripts see it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


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


async def reserve(
    limiter: Limiter, tokens: Sequence[int], limit: Limit = LIMIT, lane: str = LANE
) -> list[float | None]:
    """Seconds until calls of so many tokens may start."""
    return waits(await limiter.reserve(lane, limit, [Demand(each, each) for each in tokens]))


def waits(reserved: Reserved) -> list[float | None]:
    """Seconds until each may start, as far as is known now."""
    return [None if slot is None else reserved.schedule.wait(slot) for slot in reserved.slots]


async def know(limiter: Limiter, tokens: float, requests: float = 6_000, limit: Limit = LIMIT) -> Schedule:
    """Let the first call tell what the provider has left; what it charges is known."""
    reserved = await limiter.reserve(LANE, limit, [Demand(1, 1)])
    await limiter._redis.eval(SURE, 1, KEY)  # type: ignore[misc]
    return await tell(limiter, reserved, tokens, requests, limit=limit)


async def tell(
    limiter: Limiter,
    reserved: Reserved,
    tokens: float,
    requests: float,
    *,
    age: float = 0.0,
    bound: bool = False,
    limit: Limit = LIMIT,
    stated: tuple[int | None, ...] = (),
) -> Schedule:
    """The last of these calls has ended, and so much was left to it."""
    slot = reserved.slots[-1]
    assert slot
    sample = Sample((tokens, requests), slot, age, (bound, bound))
    ended = Settlement(frame=reserved.schedule.frame, begun=slot, samples=[sample], stated=stated, calls=1)
    return await limiter.settle(LANE, limit, ended)


async def test_an_unknown_bucket_is_asked_with_one_call_and_then_refills(limiter: Limiter) -> None:
    assert await reserve(limiter, [2_000, 2_000, 2_000]) == pytest.approx([0.2, 0.4, 0.6])


async def test_the_first_call_waits_a_second_at_most(limiter: Limiter) -> None:
    assert await reserve(limiter, [500_000, 10_000]) == pytest.approx([1.0, 2.0])


async def test_what_the_first_answer_says_is_left_may_be_used_at_once(limiter: Limiter) -> None:
    await know(limiter, 400_000)
    found = await reserve(limiter, [100_000] * 5)
    assert found[:3] == [0.0] * 3
    assert found[3:] == pytest.approx([MARGIN, 10 + MARGIN], abs=0.01)


async def test_an_empty_bucket_is_not_thought_full(limiter: Limiter) -> None:
    await know(limiter, 0)
    assert (await reserve(limiter, [10_000]))[0] == pytest.approx(1.0, abs=MARGIN)


async def test_without_headers_it_refills(limiter: Limiter, clock: Clock) -> None:
    await reserve(limiter, [1])
    clock.now += 30
    found = await reserve(limiter, [300_000, 10_000])
    assert found == pytest.approx([0.0, 1.0], abs=0.01)


async def test_a_bucket_never_holds_more_than_its_limit(limiter: Limiter, clock: Clock) -> None:
    await know(limiter, 600_000)
    clock.now += 3_600
    found = await reserve(limiter, [599_000, 10_000])
    assert found == pytest.approx([0.0, 1.0], abs=0.01)


async def test_requests_are_a_bucket_of_their_own(limiter: Limiter) -> None:
    await know(limiter, 600_000, 100)
    found = await reserve(limiter, [1] * 200)
    assert found[80] == 0.0
    assert found[199] == pytest.approx(1 + MARGIN, abs=0.03)


async def test_images_and_days_are_buckets_too(limiter: Limiter, clock: Clock) -> None:
    limit = Limit(rpm=6_000, tpm=600_000, rpd=86_400, tpd=864_000, ipm=60)
    await reserve(limiter, [1], limit)
    clock.now += 60
    reserved = await limiter.reserve(LANE, limit, [Demand(1_000, 1_000, images=20)] * 4)
    assert waits(reserved) == pytest.approx([0.0, 0.0, 1.0, 21.0], abs=0.05)
    clock.now += 60
    assert (await reserve(limiter, [590_000], limit))[0] == 0.0
    clock.now += 60
    assert (await reserve(limiter, [300_000], limit))[0] == pytest.approx(2_880, rel=0.02)


async def test_a_call_larger_than_a_whole_bucket_never_fits_and_costs_nothing(limiter: Limiter) -> None:
    await know(limiter, 600_000)
    found = await reserve(limiter, [600_001, 590_000, 600_001, 5_000])
    assert (found[0], found[2]) == (None, None)
    assert (found[1], found[3]) == (0.0, 0.0)


async def test_the_whole_bucket_in_one_call_waits_for_the_margin(limiter: Limiter) -> None:
    await know(limiter, 600_000)
    assert await reserve(limiter, [600_000]) == pytest.approx([MARGIN], abs=0.01)


async def test_one_request_a_minute(limiter: Limiter) -> None:
    assert await reserve(limiter, [1, 1, 1], Limit(rpm=1, tpm=100)) == pytest.approx([1, 61, 121])


async def test_calls_that_wait_start_earlier_when_others_gave_back(limiter: Limiter) -> None:
    await know(limiter, 0)
    reserved = await limiter.reserve(LANE, LIMIT, [Demand(100_000, 100_000)] * 2)
    before = waits(reserved)[1]
    schedule = await limiter.settle(LANE, LIMIT, Settlement(frame=reserved.schedule.frame, back=(50_000, 0)))
    slot = reserved.slots[1]
    assert slot
    assert before is not None
    assert schedule.wait(slot) == pytest.approx(before - 5)


async def test_they_start_later_when_the_provider_has_less(limiter: Limiter, clock: Clock) -> None:
    await know(limiter, 100_000)
    reserved = await limiter.reserve(LANE, LIMIT, [Demand(50_000, 50_000)])
    clock.now += 0.2
    schedule = await tell(limiter, reserved, 1_000, 5_000, age=0.2)
    assert schedule.supplies[0] - schedule.spent[0] == pytest.approx(1_000 + 2_000, abs=10)


async def test_the_provider_having_more_is_believed_after_it_said_so_eight_times(
    limiter: Limiter, clock: Clock
) -> None:
    await know(limiter, 0)
    lines = []
    for _ in range(9):
        reserved = await limiter.reserve(LANE, LIMIT, [Demand(2_000, 2_000)])
        clock.now += 1.0
        await limiter.settle(LANE, LIMIT, Settlement(frame=reserved.schedule.frame, begun=reserved.slots[0] or ()))
        slot = reserved.slots[0] or ()
        past = reserved.schedule.supplies[0] + 10_000 - slot[0]
        sample = Sample((past + 30_000, None), slot, 0.0, (True, True))
        ended = Settlement(frame=reserved.schedule.frame, samples=[sample], begun=slot)
        lines.append((await limiter.settle(LANE, LIMIT, ended)).supplies[0])
    steps = [round(after - before) for before, after in itertools.pairwise(lines)]
    assert steps[:6] == [10_000] * 6
    assert max(steps) > 20_000


async def test_a_refused_call_corrects_the_lane_by_exactly_what_was_missing(limiter: Limiter) -> None:
    await know(limiter, 100_000)
    reserved = await limiter.reserve(LANE, LIMIT, [Demand(50_000, 50_000)])
    slot = reserved.slots[0] or ()
    sample = Sample((20_000, 5_000), (slot[0] + 50_000, slot[1]), 0.0, (True, True), (50_000, 1))
    ended = Settlement(frame=reserved.schedule.frame, back=(50_000, 0), begun=slot, samples=[sample], throttled=1)
    schedule = await limiter.settle(LANE, LIMIT, ended)
    assert schedule.supplies[0] - schedule.spent[0] == pytest.approx(20_000, abs=1_000 * 10 * MARGIN)


async def test_a_pause_holds_for_every_process_and_a_longer_one_stays(
    limiter: Limiter, clock: Clock, redis_url: str
) -> None:
    await know(limiter, 600_000)
    await limiter.pause(LANE, LIMIT, 20, stated=True)
    await limiter.pause(LANE, LIMIT, 5, stated=True)
    other = connect(redis_url)
    assert await reserve(Limiter(other, clock), [1]) == pytest.approx([20])
    await other.aclose()
    assert (await limiter.state(LANE, LIMIT)).paused_seconds == pytest.approx(20)


async def test_nothing_gathers_in_a_pause_of_which_only_the_length_was_stated(limiter: Limiter, clock: Clock) -> None:
    await know(limiter, 0)
    await limiter.pause(LANE, LIMIT, 20)
    await limiter.pause(LANE, LIMIT, 20)
    clock.now += 20
    assert await reserve(limiter, [10_000]) == pytest.approx([1.0], abs=2 * MARGIN)


async def test_smaller_calls_fill_the_gap_while_a_large_one_waits_by_half_its_cost_at_most(
    limiter: Limiter, clock: Clock
) -> None:
    await know(limiter, 0)
    large = await limiter.reserve(LANE, LIMIT, [Demand(100_000, 100_000)])
    slot = large.slots[0] or ()
    assert large.schedule.wait(slot) == pytest.approx(10, abs=2 * MARGIN)
    clock.now += 5
    small = await limiter.reserve(LANE, LIMIT, [Demand(10_000, 10_000)] * 8)
    found = waits(small)
    assert found[:4] == [0.0] * 4
    assert found[5] is not None
    assert found[5] > 5
    assert small.schedule.wait(slot) == pytest.approx(5 + 4, abs=2 * MARGIN)
    for _ in range(40):
        clock.now += 0.5
        last = await limiter.reserve(LANE, LIMIT, [Demand(5_000, 5_000)])
        if not last.schedule.wait(slot):
            break
    assert clock.now - 1_800_000_000 <= 10 + 5 + 0.7


async def test_a_lower_limit_is_picked_up_and_a_higher_one_only_where_it_was_assumed(limiter: Limiter) -> None:
    reserved = await limiter.reserve(LANE, LIMIT, [Demand(1, 1)])
    await tell(limiter, reserved, 1_000, 100, stated=(300_000, 9_000))
    assert (await limiter.reserve(LANE, LIMIT, [Demand(1, 1)])).schedule.rates == (5_000, 100)
    assert (await reserve(limiter, [300_001])) == [None]
    assumed = Limit(LIMIT.rpm, LIMIT.tpm, assumed=True)
    assert (await limiter.reserve(LANE, assumed, [Demand(1, 1)])).schedule.rates == (5_000, 150)
    state = await limiter.state(LANE, assumed)
    assert (state.tokens_per_minute, state.requests_per_minute) == (300_000, 9_000)


async def test_with_a_share_the_line_is_never_raised_by_what_is_left_to_others(limiter: Limiter) -> None:
    half = Limit(rpm=3_000, tpm=300_000, share=0.5)
    schedule = await know(limiter, 600_000, 6_000, half)
    assert schedule.supplies[0] - schedule.spent[0] <= 300_000
    again = await limiter.reserve(LANE, half, [Demand(100_000, 100_000)] * 3)
    schedule = await tell(limiter, again, 500_000, 5_000, limit=half, bound=True)
    assert schedule.supplies[0] - schedule.spent[0] < 10_000


async def test_losing_everything_starts_a_new_frame_in_which_old_places_mean_nothing(
    limiter: Limiter, redis: Redis, clock: Clock
) -> None:
    await know(limiter, 600_000)
    old = await limiter.reserve(LANE, LIMIT, [Demand(100_000, 100_000)] * 3)
    await redis.flushall()
    await redis.script_flush()
    clock.now += 1
    new = await limiter.reserve(LANE, LIMIT, [Demand(1_000, 1_000)] * 2)
    assert new.schedule.frame != old.schedule.frame
    assert waits(new) == pytest.approx([0.1, 0.2])
    schedule = await limiter.settle(LANE, LIMIT, Settlement(frame=old.schedule.frame, back=(300_000, 3), calls=3))
    assert schedule.supplies == new.schedule.supplies


async def test_what_redis_forgot_in_a_restart_the_process_still_knows(limiter: Limiter, redis: Redis) -> None:
    await know(limiter, 300_000)
    kept = await redis.hgetall(KEY)  # type: ignore[misc]
    await reserve(limiter, [200_000])
    await redis.hset(KEY, mapping=kept)  # type: ignore[misc]
    assert (await reserve(limiter, [200_000]))[0] == pytest.approx(10 + MARGIN, abs=0.05)


async def test_a_clock_set_back_stops_nobody_and_refills_nothing(limiter: Limiter, clock: Clock) -> None:
    await know(limiter, 50_000)
    clock.now -= 3_600
    found = await reserve(limiter, [40_000, 20_000])
    assert found[0] == 0.0
    assert found[1] == pytest.approx(1 + MARGIN, abs=0.02)


async def test_the_state_tells_what_was_used_and_how_far_ahead_starts_are_promised(limiter: Limiter) -> None:
    fresh = await limiter.state(LANE, LIMIT)
    assert (fresh.tokens_left, fresh.requests_left, fresh.paused_seconds) == (600_000, 6_000, 0.0)
    assert (fresh.mode, fresh.waiting_seconds, fresh.tokens_per_minute) == ("max", 0.0, 600_000)
    await know(limiter, 600_000)
    await reserve(limiter, [100_000] * 8)
    await limiter.settle(LANE, LIMIT, Settlement(tokens_used=700_000, calls=8, throttled=2))
    await limiter.settle(LANE, LIMIT, Settlement(tokens_used=1_000, calls=1, throttled=1))
    state = await limiter.state(LANE, LIMIT)
    assert state.tokens_left == pytest.approx(-201_000, abs=100)
    assert state.waiting_seconds == pytest.approx(20.1, abs=0.01)
    assert (state.throttled, state.tokens_last_minute, state.requests_last_minute) == (3, 701_000, 10)


async def test_lanes_do_not_share(limiter: Limiter) -> None:
    await know(limiter, 600_000)
    await reserve(limiter, [595_000])
    assert (await reserve(limiter, [5_000], lane="fake/other")) == pytest.approx([0.5])


async def test_only_so_many_calls_are_in_flight_over_all_processes(limiter: Limiter, clock: Clock) -> None:
    async def fly(process: str, held: int, wanted: int) -> tuple[int, int]:
        return await limiter.concurrency(LANE, process, held=held, wanted=wanted, most=6)

    assert await fly("a", 0, 9) == (6, 6)
    assert await fly("b", 0, 4) == (0, 3)
    assert await fly("a", 5, 4) == (0, 3), "b lacks some, and a has more than an equal part"
    assert await fly("b", 0, 4) == (1, 3)
    assert await fly("a", 2, 7) == (1, 3)
    assert await fly("b", 1, 3) == (2, 3)
    clock.now += 11
    assert await fly("b", 3, 9) == (3, 6), "a is dead"
    assert await fly("b", 0, 0) == (0, 6)
    assert await fly("a", 0, 6) == (6, 6)


async def test_a_redis_that_is_away_is_an_error_within_seconds() -> None:
    redis = connect(f"redis://127.0.0.1:{free()}/0")
    began = time.monotonic()
    with pytest.raises((RedisError, OSError)):
        await reserve(Limiter(redis), [1])
    assert time.monotonic() - began < 10
    await redis.aclose()
