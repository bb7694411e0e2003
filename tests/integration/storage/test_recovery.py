"""What dead workers leave behind: all of it comes back, once, and what it may have cost stays set aside."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_measured_job
from tests.queries import rows, run
from vision.jobs.lifecycle import ItemStatus, Phase
from vision.prices import Price, Usage
from vision.storage import deliveries
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.outcomes.record import record
from vision.storage.queue import claims, deadlines, marks, measurements, recovery
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee
from vision.storage.queue.marks import Mark, Step
from vision.storage.queue.measurements import Measurement
from vision.storage.queue.news import news
from vision.storage.queue.pauses import pause_lane
from vision.storage.queue.recovery import MOST_CRASHES, Reclaimed

LANE = "fake/gpt-4o-mini"
PRICE = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test")


async def take(engine: AsyncEngine, want: int, phase: Phase = Phase.CALL) -> list[LeasedItem]:
    """The next items of the lane."""
    return await claims.claim(engine, LANE, want, phase=phase, lessee=Lessee("test", 60), price=PRICE)


async def send(engine: AsyncEngine, items: list[LeasedItem], step: Step = Step.SENT) -> None:
    """A worker sets out to send the calls of these items."""
    assert await marks.write(engine, [Mark(item, step) for item in items]) == {item.token for item in items}


async def die(engine: AsyncEngine, *items: LeasedItem) -> None:
    """The leases of these items, or all of them, run out."""
    ids = [item.range_id for item in items]
    await run(
        engine,
        "UPDATE ranges SET lease_until = now() - interval '1 s' WHERE id = ANY(:ids) OR :all",
        ids=ids,
        all=not ids,
    )


async def spans(engine: AsyncEngine) -> list[tuple[str, int, int]]:
    """Phase, start and stop of what waits."""
    found = await rows(engine, "SELECT phase, start, stop FROM ranges WHERE lease_token IS NULL ORDER BY start")
    return [tuple(row) for row in found]


def answered(item: LeasedItem) -> Outcome:
    charge = Charge(LANE, "succeeded", Usage(10, 1), item.reserved, request_id="req_1")
    return Outcome(item, charge, ItemStatus.SUCCEEDED, answer={})


async def test_an_owner_that_is_no_process_keeps_its_lease_to_its_deadline_and_has_not_crashed(
    engine: AsyncEngine,
) -> None:
    job_id = await make_measured_job(engine, 10)
    batch = Lessee("batch_1", 3_600, is_process=False)
    items = await claims.claim(engine, LANE, 4, phase=Phase.CALL, lessee=batch, price=PRICE)
    await send(engine, items[:3])
    beside = await take(engine, 2)
    await run(engine, "UPDATE ranges SET lease_until = now() - interval '1 s' WHERE worker = 'test'")
    assert await recovery.reclaim(engine) == Reclaimed(1, 1), "the worker's alone"
    await record(engine, [answered(items[0])])
    assert [(row.worker, row.done) for row in await rows(engine, "SELECT * FROM ranges WHERE worker IS NOT NULL")] == [
        ("@batch_1", 1)
    ]
    await run(engine, "UPDATE ranges SET crashes = :most WHERE worker = '@batch_1'", most=MOST_CRASHES)
    await die(engine)
    assert await recovery.reclaim(engine) == Reclaimed(1, 1)
    (job,) = await rows(engine, "SELECT * FROM jobs WHERE id = :id", id=job_id)
    assert (job.succeeded, job.failed, job.unknown_cost) == (1, 0, 2 * items[0].reserved), "what was sent may have cost"
    waiting = await rows(engine, "SELECT start, stop, crashes, run_at > now() AS later FROM ranges ORDER BY start")
    assert [(row.start, row.stop, row.crashes) for row in waiting] == [(2, 5, MOST_CRASHES), (5, 7, 0), (7, 11, 0)]
    assert not any(row.later for row in waiting)
    assert {item.number for item in beside} == {5, 6}


async def test_what_is_left_of_a_lease_waits_again_a_range_for_every_run(engine: AsyncEngine) -> None:
    job_id = await make_measured_job(engine, 20)
    items = await take(engine, 10)
    troubled = Outcome(items[4], again_seconds=3_600.0)
    await send(engine, [items[n - 1] for n in (1, 2, 3, 4, 5)])
    await send(engine, [items[9]])
    await record(engine, [answered(items[2]), troubled, answered(items[9])])
    assert await recovery.reclaim(engine) == Reclaimed(0, 0), "it is still alive"
    await die(engine)
    assert await recovery.reclaim(engine) == Reclaimed(1, 1)
    assert await spans(engine) == [("call", 1, 3), ("call", 4, 5), ("call", 5, 6), ("call", 6, 10), ("call", 11, 21)]
    assert await recovery.reclaim(engine) == Reclaimed(0, 0), "a second run finds nothing"
    unknown = await rows(engine, "SELECT number, attempt, cost FROM ledger WHERE outcome = 'unknown' ORDER BY number")
    assert [(row.number, row.attempt) for row in unknown] == [(n, 1) for n in (1, 2, 4)], "the others were never sent"
    (job,) = await rows(engine, "SELECT * FROM jobs WHERE id = :id", id=job_id)
    assert job.unknown_cost == sum(row.cost for row in unknown) == 3 * items[0].reserved > 0
    back = await take(engine, 7)
    assert [(item.number, item.attempt) for item in back] == [(n, 0) for n in (1, 2, 4, 6, 7, 8, 9)]
    assert [item.number for item in back if item.crashes] == [1, 2, 4]


async def test_bystanders_of_a_crash_are_never_left_out(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 5)
    for _ in range(MOST_CRASHES + 3):
        assert len(await take(engine, 5)) == 5
        await die(engine)
        await recovery.reclaim(engine)
    (job,) = await rows(engine, "SELECT failed, unknown_cost FROM jobs")
    assert tuple(job) == (0, 0)


async def test_kills_do_not_use_up_a_cap_that_nothing_was_spent_of(engine: AsyncEngine) -> None:
    """Five workers die with all that the cap admits in their hands, one call sent each: four fifths are left."""
    (probe,) = (await make_measured_job(engine, 1), await take(engine, 1))[1]
    await run(engine, "DELETE FROM turns")
    await make_measured_job(engine, 50, max_cost=10 * probe.reserved)
    for _ in range(5):
        items = await take(engine, 50)
        await send(engine, items[:1])
        await die(engine)
        await recovery.reclaim(engine)
    (job,) = await rows(engine, "SELECT unknown_cost, status FROM jobs WHERE max_cost IS NOT NULL")
    assert (job.unknown_cost, job.status) == (5 * probe.reserved, "running")
    assert len(await take(engine, 50)) == 5


async def test_an_answer_that_comes_late_is_no_longer_unknown(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 2)
    items = await take(engine, 2)
    await send(engine, items)
    await die(engine)
    await recovery.reclaim(engine)
    spent = Charge(LANE, "succeeded", Usage(10, 1), Decimal("0.5"))
    await record(engine, [Outcome(items[0], spent, ItemStatus.SUCCEEDED, answer={})])
    (job,) = await rows(engine, "SELECT spent, unknown_cost, succeeded FROM jobs")
    assert tuple(job) == (Decimal("0.5"), items[1].reserved, 0)
    ledger = await rows(engine, "SELECT number, cost_is_known FROM ledger ORDER BY number")
    assert [tuple(row) for row in ledger] == [(1, True), (2, False)]


async def test_a_lease_that_has_gone_or_a_job_that_stopped_sends_nothing(engine: AsyncEngine) -> None:
    gone, ending = await make_measured_job(engine, 1), await make_measured_job(engine, 1)
    items = {item.job_id: item for item in [*await take(engine, 1), *await take(engine, 1)]}
    await die(engine, items[gone])
    await recovery.reclaim(engine)
    await run(engine, "UPDATE jobs SET ending = 'cancelled' WHERE id = :id", id=ending)
    assert await marks.write(engine, [Mark(item, Step.SENT) for item in items.values()]) == set()
    assert await rows(engine, "SELECT FROM ranges WHERE sent <> '{}'") == []


async def test_an_items_result_counts_what_its_crashes_may_have_cost(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 1)
    (dead,) = await take(engine, 1)
    await send(engine, [dead])
    await die(engine)
    await recovery.reclaim(engine)
    (item,) = await take(engine, 1)
    await record(engine, [answered(item)])
    (result,) = await rows(engine, "SELECT cost FROM results")
    assert result.cost == dead.reserved + item.reserved


async def test_an_item_tried_again_elsewhere_is_not_lost_with_its_second_worker(engine: AsyncEngine) -> None:
    """Its first lease, still alive, covers its number; but the item was handed on and is no longer in that lease."""
    await make_measured_job(engine, 3)
    first = await take(engine, 3)
    await record(engine, [Outcome(first[1], again_seconds=0.0)])
    second = await take(engine, 3)
    assert [item.number for item in second] == [2]
    await die(engine, *second)
    assert (await recovery.reclaim(engine)).leases == 1
    assert await spans(engine) == [("call", 2, 3)]
    await record(engine, [answered(first[0]), answered(first[2])])
    await record(engine, [answered(item) for item in await take(engine, 3)])
    (job,) = await rows(engine, "SELECT status, succeeded FROM jobs")
    assert tuple(job) == ("succeeded", 3)


@pytest.mark.parametrize("seed", range(3))
async def test_two_sweeps_at_once_give_everything_back_once(engine: AsyncEngine, seed: int) -> None:
    await make_measured_job(engine, 60)
    held = [item for _ in range(10) for item in await take(engine, 6)]
    await record(engine, [Outcome(item, again_seconds=0.0) for item in held if item.number % 3 == seed])
    held += [item for _ in range(25) for item in await take(engine, 1)]
    await die(engine)
    while sum(one.leases for one in await asyncio.gather(*[recovery.reclaim(engine) for _ in range(4)])):
        pass
    assert sorted(number for _, start, stop in await spans(engine) for number in range(start, stop)) == list(
        range(1, 61)
    )


async def test_measuring_comes_back_too_without_what_was_measured(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 6, tokens=None)
    items = await take(engine, 6, Phase.MEASURE)
    await measurements.store(engine, [Measurement(item, 1, 1, 85, Decimal(0)) for item in items[:2]], [])
    await die(engine)
    await recovery.reclaim(engine)
    assert await spans(engine) == [("call", 1, 3), ("measure", 3, 7)]


async def test_an_item_that_is_always_in_hand_when_workers_die_is_left_out(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "SPREAD_SECONDS", 0)
    await make_measured_job(engine, 2, webhook_url="https://example.com/hook")
    for _ in range(MOST_CRASHES):
        await send(engine, await take(engine, 1))
        await die(engine)
        await recovery.reclaim(engine)
    last = await take(engine, 9)
    await send(engine, last)
    await record(engine, [answered(item) for item in last if item.crashes == 0])
    await die(engine)
    await recovery.reclaim(engine)
    (poison,) = await rows(engine, "SELECT * FROM results WHERE status = 'failed'")
    assert (poison.number, poison.error_code) == (1, "poison_item")
    ledger = await rows(engine, "SELECT cost FROM ledger WHERE number = 1")
    assert poison.cost == sum(row.cost for row in ledger)
    assert len(ledger) == MOST_CRASHES + 1
    (job,) = await rows(engine, "SELECT status, succeeded, failed FROM jobs")
    assert tuple(job) == ("succeeded", 1, 1)
    assert [row.type for row in await rows(engine, "SELECT type FROM events")] == ["job.succeeded"]


async def test_after_a_second_crash_suspects_come_back_apart(engine: AsyncEngine) -> None:
    """Else one image that kills workers would take its neighbours along, again and again."""
    await make_measured_job(engine, 10)
    for expected in (1, 10):
        await send(engine, await take(engine, 10), Step.DECODING)
        await die(engine)
        (died,) = await rows(engine, "SELECT now() AS at")
        await recovery.reclaim(engine)
        assert len(await spans(engine)) == expected
    (spread,) = await rows(
        engine,
        "SELECT max(run_at) - min(run_at) AS seconds, min(run_at) >= :died AS later FROM ranges",
        died=died.at,
    )
    assert 1 < spread.seconds.total_seconds() <= recovery.SPREAD_SECONDS
    assert spread.later


async def test_a_dead_workers_items_of_a_cancelled_job_do_not_come_back(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 5)
    await take(engine, 3)
    await run(engine, "DELETE FROM turns")
    await run(engine, "UPDATE jobs SET ending = 'cancelled'")
    assert await deadlines.end_overdue(engine) == 0, "calls are in flight"
    await die(engine)
    await recovery.reclaim(engine)
    (job,) = await rows(engine, "SELECT status, status_code FROM jobs")
    assert tuple(job) == ("cancelled", "cancelled_by_user")
    assert await rows(engine, "SELECT FROM ranges") == []
    assert await deadlines.end_overdue(engine) == 0


async def test_jobs_past_their_deadline_end_once(engine: AsyncEngine) -> None:
    late = await make_measured_job(engine, 3)
    flying = await make_measured_job(engine, 3)
    await make_measured_job(engine, 3)
    await run(engine, "UPDATE turns SET priority = 1 WHERE job_id = :id", id=flying)
    (item,) = await take(engine, 1)
    await run(engine, "UPDATE jobs SET expires_at = now() - interval '1 s' WHERE id IN (:a, :b)", a=late, b=flying)
    assert sum(await asyncio.gather(*[deadlines.end_overdue(engine) for _ in range(4)])) == 1
    jobs = {row.id: (row.status, row.status_code) for row in await rows(engine, "SELECT * FROM jobs")}
    assert jobs[late] == ("expired", "deadline_passed")
    assert jobs[flying] == ("running", "expiring")
    assert {held.job_id for held in await take(engine, 9)} == set(jobs) - {late, flying}
    assert (await news(engine, list(jobs))).stopped == {late, flying}
    assert (await record(engine, [answered(item)])).ended == {flying}
    assert len(await rows(engine, "SELECT FROM events WHERE type = 'job.expired'")) == 2


async def test_an_end_that_was_left_unfinished_is_made_up_for(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 3)
    await run(engine, "UPDATE jobs SET status = 'running', succeeded = 2, failed = 1")
    assert await deadlines.end_overdue(engine) == 1
    (job,) = await rows(engine, "SELECT status FROM jobs")
    assert job.status == "succeeded"


async def test_a_lane_is_paused_whole_and_announced_once_a_job(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 1)
    await make_measured_job(engine, 1)
    other = await make_measured_job(engine, 1, lane="fake/other")
    paused = await asyncio.gather(*[pause_lane(engine, LANE, "upstream_quota") for _ in range(4)])
    assert sum(paused) == 2
    jobs = await rows(engine, "SELECT id, status, status_code FROM jobs WHERE id <> :id", id=other)
    assert {(row.status, row.status_code) for row in jobs} == {("paused", "upstream_quota")}
    assert len(await rows(engine, "SELECT FROM events")) == 2


async def test_deliveries_are_leased_and_come_back_when_their_worker_dies(engine: AsyncEngine) -> None:
    for _ in range(10):
        await make_measured_job(engine, 1, webhook_url="https://example.com/hook")
    await record(engine, [answered(item) for _ in range(10) for item in await take(engine, 1)])
    assert await deliveries.are_due(engine)
    claims = await asyncio.gather(*[deliveries.claim(engine, 4, {}, 100) for _ in range(4)])
    due = [one for claim in claims for one in claim]
    assert len({one.id for one in due}) == len(due) == 10
    assert {one.attempts for one in due} == {1}
    assert not await deliveries.are_due(engine)
    await run(engine, "UPDATE deliveries SET next_attempt_at = now() WHERE id = :id", id=due[0].id)
    (again,) = await deliveries.claim(engine, 4, {}, 100)
    assert again == replace(due[0], attempts=2)
    for late, state in ((due[0], "pending"), (again, "delivered")):
        await deliveries.record(engine, late, status=200, error=None, duration_ms=1, wait=None)
        (row,) = await rows(engine, "SELECT status FROM deliveries WHERE id = :id", id=again.id)
        assert row.status == state, "only the last one to have it may say how it ended"
    assert len(await rows(engine, "SELECT FROM delivery_attempts")) == 2
