"""Claims: every item once, in the right order, never over a job's cap, whoever else claims at the same time."""

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_measured_job
from tests.queries import rows, run
from vision.jobs.lifecycle import ItemStatus, Phase, StatusCode
from vision.prices import Price, Usage
from vision.storage.outcomes.finish import pause
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.outcomes.record import record
from vision.storage.queue import claims
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee, extend
from vision.storage.queue.news import news
from vision.storage.specs import load, most

LANE = "fake/gpt-4o-mini"
PRICE = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test")
CLAIMERS = 8


async def take(
    engine: AsyncEngine, want: int, phase: Phase = Phase.CALL, price: Price | None = None
) -> list[LeasedItem]:
    """The next items of the lane."""
    return await claims.claim(engine, LANE, want, phase=phase, lessee=Lessee("test", 60), price=price)


def numbers(items: list[LeasedItem]) -> list[int]:
    return [item.number for item in items]


async def test_a_claim_moves_the_cursor_and_leaves_the_items_alone(engine: AsyncEngine) -> None:
    job_id = await make_measured_job(engine, 10)
    before = await rows(engine, "SELECT xmin::text FROM items ORDER BY number")
    assert numbers(await take(engine, 4)) == [1, 2, 3, 4]
    assert numbers(await take(engine, 4)) == [5, 6, 7, 8]
    assert numbers(await take(engine, 4)) == [9, 10]
    assert await take(engine, 4) == []
    assert await rows(engine, "SELECT xmin::text FROM items ORDER BY number") == before
    (job,) = await rows(engine, "SELECT status, status_code, started_at FROM jobs WHERE id = :id", id=job_id)
    assert (job.status, job.status_code) == ("running", "working")
    assert job.started_at is not None


async def test_what_is_held_tells_all_that_a_call_needs(engine: AsyncEngine) -> None:
    job_id = await make_measured_job(engine, 1)
    (item,) = await take(engine, 5, price=PRICE)
    assert (item.tenant_id, item.job_id, item.number, item.images) == ("default", job_id, 1, ["http://host/a.jpg"])
    assert (item.image_tokens, item.attempt, item.crashes) == (1_000, 0, 0)
    assert item.reserved == (await load(engine, job_id)).most_cost(PRICE, 1_000) > 0


def test_what_a_call_can_cost_at_most_counts_writing_the_cache() -> None:
    dearer = replace(PRICE, cache_write=Decimal("0.20"))
    assert most(PRICE, 1_000_000, 0) == Decimal("0.15")
    assert most(dearer, 1_000_000, 1_000_000) == Decimal("0.80")
    assert most(None, 10, 10) == 0


async def test_many_claimers_get_every_item_exactly_once(engine: AsyncEngine) -> None:
    jobs = {await make_measured_job(engine, count): count for count in (2_500, 1_500, 1_000)}
    got: list[LeasedItem] = []

    async def claimer(size: int) -> None:
        empty = 0
        while empty < 20:
            items = await take(engine, size)
            got.extend(items)
            empty = 0 if items else empty + 1
            await asyncio.sleep(0 if items else 0.005)

    await asyncio.gather(*[claimer(size) for size in (1, 3, 7, 16, 32, 64, 128, 128)])
    assert Counter((item.job_id, item.number) for item in got) == Counter(
        (job_id, number) for job_id, count in jobs.items() for number in range(1, count + 1)
    )
    assert all(len({item.job_id for item in got if item.token == token}) == 1 for token in {item.token for item in got})


async def test_retries_that_are_due_come_first_and_none_before_its_time(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 6)
    first = await take(engine, 3)
    waits = {1: 0.0, 2: 7_200.0, 3: 3_600.0}
    await record(engine, [Outcome(item, again_seconds=waits[item.number]) for item in first])
    due = await take(engine, 2)
    assert [(item.number, item.attempt) for item in due] == [(1, 1), (4, 0)]
    await run(engine, "UPDATE ranges SET run_at = run_at - interval '1 hour'")
    assert [(item.number, item.attempt) for item in await take(engine, 10)] == [(3, 1), (5, 0), (6, 0)]
    assert await take(engine, 10) == []


async def test_an_item_given_back_unsent_has_not_been_tried(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 1)
    (item,) = await take(engine, 1)
    await record(engine, [Outcome(item, uses_attempt=False)])
    (again,) = await take(engine, 1)
    assert (again.attempt, again.crashes) == (0, 0)
    assert again.lease != item.lease


async def test_a_later_job_gets_its_share_at_once(engine: AsyncEngine) -> None:
    """Service is counted in tokens: a job of images four times as large gets a quarter as many."""
    large = await make_measured_job(engine, 400, tokens=40_000)
    small = await make_measured_job(engine, 400, tokens=10_000)
    turns = [await take(engine, 4) for _ in range(50)]
    items = Counter(item.job_id for items in turns for item in items)
    assert items[large] + items[small] == 200
    assert 3 < items[small] / items[large] < 4.5


async def test_jobs_of_equal_images_share_by_the_tokens_of_their_calls(engine: AsyncEngine) -> None:
    brief = await make_measured_job(engine, 400, tokens=100, prompt_tokens=100, max_output_tokens=100)
    wordy = await make_measured_job(engine, 400, tokens=100, prompt_tokens=400, max_output_tokens=700)
    turns = [await take(engine, 2) for _ in range(50)]
    items = Counter(item.job_id for items in turns for item in items)
    assert items[brief] == pytest.approx(4 * items[wordy], rel=0.1)


async def test_tokens_are_shared_in_proportion_to_weights(engine: AsyncEngine) -> None:
    light, heavy = await make_measured_job(engine, 400), await make_measured_job(engine, 400, weight=3)
    claimed: Counter[UUID] = Counter()
    for turns in range(1, 61):
        claimed.update(item.job_id for item in await take(engine, 4))
        assert claimed.total() == 4 * turns
        assert claimed[heavy] == pytest.approx(3 * turns, abs=4), "one claim more or less"
    assert claimed.keys() == {light, heavy}


async def test_items_of_other_sizes_share_tokens_by_weight_and_not_items(engine: AsyncEngine) -> None:
    columns = {"prompt_tokens": 0, "max_output_tokens": 0}
    light = await make_measured_job(engine, 400, tokens=1_000, **columns)
    heavy = await make_measured_job(engine, 400, tokens=2_000, weight=3, **columns)
    claims = [await take(engine, 2) for _ in range(50)]
    claimed = Counter(item.job_id for items in claims for item in items)
    assert 2 * claimed[heavy] / 3 == pytest.approx(claimed[light], abs=2)


async def test_calls_without_tokens_are_shared_by_weight_too(engine: AsyncEngine) -> None:
    columns = {"tokens": 0, "prompt_tokens": 0, "max_output_tokens": 0}
    light, heavy = (
        await make_measured_job(engine, 400, **columns),
        await make_measured_job(engine, 400, weight=3, **columns),
    )
    claims = [await take(engine, 2) for _ in range(60)]
    claimed = Counter(item.job_id for items in claims for item in items)
    assert claimed[heavy] == pytest.approx(3 * claimed[light], abs=6)


async def test_measuring_is_shared_by_weight_too(engine: AsyncEngine) -> None:
    light = await make_measured_job(engine, 100, tokens=None)
    heavy = await make_measured_job(engine, 100, tokens=None, weight=3)
    claims = [await take(engine, 2, Phase.MEASURE) for _ in range(20)]
    claimed = Counter(item.job_id for items in claims for item in items)
    assert claimed.total() == 40
    assert claimed[heavy] == pytest.approx(3 * claimed[light], abs=6)


async def test_a_higher_priority_goes_before_any_weight(engine: AsyncEngine) -> None:
    heavy, urgent = await make_measured_job(engine, 5, weight=100), await make_measured_job(engine, 5)
    await run(engine, "UPDATE turns SET priority = 1 WHERE job_id = :id", id=urgent)
    assert [{item.job_id for item in await take(engine, 5)} for _ in range(2)] == [{urgent}, {heavy}]


async def test_a_higher_priority_goes_first(engine: AsyncEngine) -> None:
    plain, urgent = await make_measured_job(engine, 5), await make_measured_job(engine, 5)
    await run(engine, "UPDATE turns SET priority = 1, service = 1000000 WHERE job_id = :id", id=urgent)
    assert [{item.job_id for item in await take(engine, 5)} for _ in range(2)] == [{urgent}, {plain}]


async def test_a_paused_job_is_passed_over(engine: AsyncEngine) -> None:
    paused, other = await make_measured_job(engine, 5), await make_measured_job(engine, 5)
    async with engine.begin() as connection:
        assert await pause(connection, paused, StatusCode.PAUSED_BY_USER)
        assert not await pause(connection, paused, StatusCode.PAUSED_BY_USER)
    assert {item.job_id for item in await take(engine, 10)} == {other}
    assert await take(engine, 10) == []
    assert (await news(engine, [paused, other])).stopped == {paused}
    assert await claims.waiting_lanes(engine, Phase.CALL) == []
    assert [row.type for row in await rows(engine, "SELECT type FROM events")] == ["job.paused"]


async def test_the_stages_and_lanes_are_apart(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 3, tokens=None)
    await make_measured_job(engine, 3, lane="fake/other")
    assert await take(engine, 5) == []
    assert numbers(await take(engine, 5, Phase.MEASURE)) == [1, 2, 3]
    assert await claims.waiting_lanes(engine, Phase.CALL) == ["fake/other"]
    assert await claims.waiting_lanes(engine, Phase.MEASURE) == []


async def test_a_sign_of_life_keeps_only_what_is_still_held(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 20)
    mine, other = await take(engine, 10), await take(engine, 10)
    await run(engine, "UPDATE ranges SET lease_until = now()")
    stolen = (other[0].range_id, uuid4())
    assert await extend(engine, [mine[0].lease, stolen], 60) == {mine[0].range_id}
    (row,) = await rows(engine, "SELECT id FROM ranges WHERE lease_until > now() + interval '50 seconds'")
    assert row.id == mine[0].range_id
    assert await extend(engine, [], 60) == set()


async def test_a_cap_is_kept_to_the_last_item_that_it_pays_for(engine: AsyncEngine) -> None:
    job_id = await make_measured_job(engine, 10)
    most_cost = (await load(engine, job_id)).most_cost(PRICE, 1_000)
    await run(engine, "UPDATE jobs SET max_cost = :cap", cap=most_cost * 3)
    held = await take(engine, 10, price=PRICE)
    assert len(held) == 3
    assert await take(engine, 10, price=PRICE) == []
    assert await statuses(engine) == [("running", "working")], "the three in flight may cost less and make room"
    await record(engine, [answered(item, item.reserved / 2) for item in held])
    (last,) = await take(engine, 10, price=PRICE)
    await record(engine, [answered(last, last.reserved)])
    assert await take(engine, 10, price=PRICE) == []
    assert await statuses(engine) == [("paused", "cap_reached")]
    assert [row.type for row in await rows(engine, "SELECT type FROM events")] == ["job.paused"]


async def test_a_job_at_its_cap_holds_up_nobody(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 3, max_cost=Decimal("0.00000001"))
    other = await make_measured_job(engine, 3)
    assert {item.job_id for item in await take(engine, 10, price=PRICE)} == {other}


async def statuses(engine: AsyncEngine) -> list[tuple[str, str]]:
    return [(row.status, row.status_code) for row in await rows(engine, "SELECT status, status_code FROM jobs")]


def answered(item: LeasedItem, cost: Decimal, *, known: bool = True) -> Outcome:
    return Outcome(item, Charge(LANE, "succeeded", Usage(10, 1), cost, known), ItemStatus.SUCCEEDED, answer={})


async def test_a_cap_is_never_passed_by_many_claimers_at_once(engine: AsyncEngine) -> None:
    job_id = await make_measured_job(engine, 600)
    most_cost = (await load(engine, job_id)).most_cost(PRICE, 1_000)
    await run(engine, "UPDATE jobs SET max_cost = :cap", cap=most_cost * 50)

    async def claimer(number: int) -> None:
        misses = 0
        while misses < 3:
            items = await take(engine, 1 + number, price=PRICE)
            misses = 0 if items else misses + 1
            await asyncio.sleep(0.002 * number)
            for item in items:
                # Dear and cheap ones, unknown ones, and some that are tried again.
                cost = item.reserved * (item.number % 3) / 2
                outcome = answered(item, cost, known=item.number % 5 != 0)
                again = item.number % 4 == 0 and item.attempt == 0
                await record(engine, [replace(outcome, status=None, again_seconds=0.0) if again else outcome])

    async def watcher() -> None:
        while True:
            (row,) = await rows(engine, WITHIN)
            assert row.within, row
            await asyncio.sleep(0.001)

    watching = asyncio.create_task(watcher())
    await asyncio.gather(*[claimer(number) for number in range(CLAIMERS)])
    assert not watching.done(), watching.exception()
    watching.cancel()
    assert await statuses(engine) == [("paused", "cap_reached")]
    (job,) = await rows(engine, "SELECT spent + unknown_cost AS spent, max_cost FROM jobs")
    assert job.max_cost - most_cost < job.spent <= job.max_cost
    assert (await rows(engine, "SELECT count(*) FROM events"))[0][0] == 1


WITHIN = """
    SELECT spent, unknown_cost, max_cost,
           spent + unknown_cost + (SELECT coalesce(sum(reserved), 0) FROM ranges) <= max_cost AS within
    FROM jobs
"""
