"""Recording: once, fenced by the lease, in one transaction, without deadlocks, and certain of its own end."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_measured_job
from tests.queries import one, rows, run
from vision.jobs.lifecycle import ItemStatus, Phase
from vision.prices import Price, Usage
from vision.storage.engine import connect
from vision.storage.outcomes.finish import finish_if_over
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.outcomes.record import record
from vision.storage.queue import claims, deadlines, measurements, pauses, recovery
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee, extend
from vision.storage.queue.measurements import Measurement

LANE = "fake/gpt-4o-mini"
PRICE = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test")
USAGE = Usage(1_200, 30, 1_000, 200)
COST = Decimal("0.0002")


async def take(engine: AsyncEngine, want: int, phase: Phase = Phase.CALL, seconds: float = 60) -> list[LeasedItem]:
    """The next items of the lane."""
    return await claims.claim(engine, LANE, want, phase=phase, lessee=Lessee("test", seconds), price=PRICE)


def answered(item: LeasedItem, **more: Any) -> Outcome:
    return Outcome(
        item, Charge(LANE, "succeeded", USAGE, COST, request_id="req_1"), ItemStatus.SUCCEEDED, answer={}, **more
    )


def failed(item: LeasedItem, message: str = "No.") -> Outcome:
    return Outcome(item, None, ItemStatus.FAILED, error_code="image_corrupt", error_message=message)


async def test_results_ledger_and_counters_agree(engine: AsyncEngine) -> None:
    job_id = await make_measured_job(engine, 3)
    items = await take(engine, 3)
    assert (await record(engine, [answered(items[0], latency_ms=7), failed(items[1])])).ended == set()
    assert (await record(engine, [answered(items[2])])).ended == {job_id}
    job = await one(engine, "SELECT * FROM jobs")
    assert (job.status, job.status_code, job.succeeded, job.failed) == ("succeeded", "done", 2, 1)
    assert (job.input_tokens, job.output_tokens, job.image_tokens, job.cached_tokens) == (2_400, 60, 2_000, 400)
    assert job.spent == 2 * COST
    results = await rows(engine, "SELECT * FROM results ORDER BY number")
    assert [(row.status, row.cost, row.attempts) for row in results] == [
        ("succeeded", COST, 1),
        ("failed", 0, 1),
        ("succeeded", COST, 1),
    ]
    assert (results[0].answer, results[0].latency_ms, results[0].request_id) == ({}, 7, "req_1")
    assert len(await rows(engine, "SELECT FROM ledger")) == 2
    for table in ("ranges", "turns"):
        assert await rows(engine, f"SELECT FROM {table}") == []


async def test_an_answer_is_stored_as_it_was_read_and_its_cost_to_the_last_place(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 2)
    items = await take(engine, 2)
    answer = {"z": 'said "no", \\ and \n', "a": [1.5, None, True, "\U0001f600 {,}"]}
    charge = Charge(LANE, "succeeded", USAGE, Decimal("1234567890.00000001"))
    await record(engine, [Outcome(item, charge, ItemStatus.SUCCEEDED, answer=answer) for item in items])
    for row in await rows(engine, "SELECT * FROM results"):
        assert (row.answer, list(row.answer), row.cost) == (answer, ["z", "a"], Decimal("1234567890.00000001"))
    assert (await one(engine, "SELECT sum(cost) FROM ledger")).sum == Decimal("2469135780.00000002")


async def test_an_item_costs_what_all_its_attempts_cost(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 1)
    (item,) = await take(engine, 1)
    invalid = Charge(LANE, "output_invalid", USAGE, COST)
    await record(engine, [Outcome(item, invalid, again_seconds=0.0)])
    (item,) = await take(engine, 1)
    unseen = Charge(LANE, "upstream_timeout", Usage(0, 0), Decimal("0.001"), known=False)
    await record(engine, [Outcome(item, unseen, again_seconds=0.0)])
    (item,) = await take(engine, 1)
    await record(engine, [answered(item)])
    result = await one(engine, "SELECT cost, attempts FROM results")
    assert (result.cost, result.attempts) == (2 * COST + Decimal("0.001"), 3)
    job = await one(engine, "SELECT spent, unknown_cost FROM jobs")
    assert (job.spent, job.unknown_cost) == (2 * COST, Decimal("0.001"))
    assert [row.attempt for row in await rows(engine, "SELECT attempt FROM ledger ORDER BY id")] == [1, 2, 3]


async def test_what_is_set_aside_shrinks_as_items_come_back(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 3)
    items = await take(engine, 3)
    for left in (2, 1):
        await record(engine, [answered(items[left])])
        lease = await one(engine, "SELECT reserved, done FROM ranges")
        assert (lease.reserved, lease.done) == (left * items[0].reserved, 3 - left)


async def test_without_its_lease_an_answer_is_only_paid_for(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 2)
    items = await take(engine, 2)
    await run(engine, "UPDATE ranges SET lease_token = :token", token=uuid4())
    await record(engine, [answered(items[0]), Outcome(items[1], again_seconds=0.0)])
    assert await rows(engine, "SELECT FROM results") == []
    assert len(await rows(engine, "SELECT FROM ranges")) == 1
    job = await one(engine, "SELECT succeeded, spent FROM jobs")
    assert (job.succeeded, job.spent) == (0, COST)


async def test_an_item_that_is_there_under_an_old_lease_and_a_new_one_counts_once(engine: AsyncEngine) -> None:
    """A worker that was taken for dead claims its own item anew, and both its answers come in one batch."""
    await make_measured_job(engine, 2)
    (late,) = await take(engine, 1)
    await run(engine, "UPDATE ranges SET lease_until = now() - interval '1 hour' WHERE lease_token IS NOT NULL")
    await recovery.reclaim(engine)
    (anew,) = await take(engine, 1)
    assert anew.number == late.number
    assert (await record(engine, [answered(late), answered(anew)])).ended == set()
    job = await one(engine, "SELECT status, succeeded, spent FROM jobs")
    assert tuple(job) == ("running", 1, 2 * COST)


async def test_text_that_cannot_be_stored_does_not_hold_up_the_batch(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 2)
    items = await take(engine, 2)
    await record(engine, [failed(items[0], "a\0b \ud800 ü"), answered(items[1])])
    assert [row.error_message for row in await rows(engine, "SELECT error_message FROM results ORDER BY number")] == [
        "ab ? ü",
        None,
    ]


async def test_many_ends_at_once_announce_one(engine: AsyncEngine) -> None:
    job_id = await make_measured_job(engine, 8, webhook_url="https://example.com/hook")
    items = [item for _ in range(8) for item in await take(engine, 1)]
    ends = await asyncio.gather(*[record(engine, [answered(item)]) for item in items])
    assert sum(job_id in recorded.ended for recorded in ends) == 1
    assert await events(engine) == ["job.succeeded"]
    assert len(await rows(engine, "SELECT FROM deliveries")) == 1


@pytest.mark.parametrize("last", [0, 1])
async def test_the_end_and_a_cancel_at_once_make_one_terminal_event(engine: AsyncEngine, last: int) -> None:
    for _ in range(10):
        job_id = await make_measured_job(engine, 2 + last)
        items = await take(engine, 2)

        async def cancel(job_id: UUID = job_id) -> None:
            async with engine.begin() as connection:
                await connection.execute(text("SELECT FROM jobs WHERE id = :id FOR UPDATE"), {"id": job_id})
                ending = text("UPDATE jobs SET ending = 'cancelled' WHERE id = :id AND finished_at IS NULL")
                await connection.execute(ending, {"id": job_id})
                await connection.execute(text("DELETE FROM turns WHERE job_id = :id"), {"id": job_id})
                await finish_if_over(connection, job_id)

        moves = [record(engine, [answered(item)]) for item in items] + [cancel(), deadlines.end_overdue(engine)]
        random.shuffle(moves)
        await asyncio.gather(*moves)
        job = await one(engine, "SELECT * FROM jobs WHERE id = :id", id=job_id)
        assert job.status == ("cancelled" if last else "succeeded")
        assert job.finished_at is not None
        assert len(await rows(engine, "SELECT FROM events WHERE job_id = :id", id=job_id)) == 1
        assert await rows(engine, "SELECT FROM ranges UNION ALL SELECT FROM turns") == []


async def test_an_ending_job_waits_for_what_is_in_flight_and_sends_nothing_again(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 5)
    first, second = await take(engine, 2)
    await run(engine, "DELETE FROM turns")
    await run(engine, "UPDATE jobs SET ending = 'expired'")
    await record(engine, [Outcome(first, again_seconds=0.0)])
    assert (await one(engine, "SELECT status FROM jobs")).status == "running"
    await record(engine, [answered(second)])
    job = await one(engine, "SELECT * FROM jobs")
    assert (job.status, job.status_code, job.succeeded) == ("expired", "deadline_passed", 1)
    assert await events(engine) == ["job.expired"]
    assert await rows(engine, "SELECT FROM ranges") == []


async def test_measured_items_become_one_range_for_every_run_of_them(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 10, tokens=None)
    items = await take(engine, 10, Phase.MEASURE)
    troubles = {3: failed(items[2]), 7: Outcome(items[6], again_seconds=60.0, phase=Phase.MEASURE)}
    measured = [Measurement(item, 640, 480, 765, COST) for item in items if item.number not in troubles]
    await measurements.store(engine, measured, list(troubles.values()))
    found = await rows(engine, "SELECT phase, start, stop, attempt FROM ranges ORDER BY start")
    assert [tuple(row) for row in found] == [
        ("call", 1, 3, 0),
        ("call", 4, 7, 0),
        ("measure", 7, 8, 1),
        ("call", 8, 11, 0),
    ]
    job = await one(engine, "SELECT * FROM jobs")
    assert (job.measured, job.failed, job.estimated_cost) == (8, 1, 8 * COST)
    assert job.estimated_tokens == 8 * (765 + job.prompt_tokens + job.expected_output_tokens)
    sizes = await rows(engine, "SELECT DISTINCT width, height, image_tokens FROM items WHERE number NOT IN (3, 7)")
    assert [tuple(row) for row in sizes] == [(640, 480, 765)]


async def test_measuring_that_comes_too_late_changes_nothing(engine: AsyncEngine) -> None:
    await make_measured_job(engine, 2, tokens=None)
    items = await take(engine, 2, Phase.MEASURE)
    await run(engine, "UPDATE ranges SET lease_token = :token", token=uuid4())
    await measurements.store(engine, [Measurement(item, 1, 1, 1, COST) for item in items], [])
    assert (await one(engine, "SELECT measured FROM jobs")).measured == 0
    assert len(await rows(engine, "SELECT FROM ranges")) == 1


JOBS, ITEMS = 8, 150
LEASE_SECONDS = 1.5


async def test_recorders_claims_heartbeats_pauses_and_sweeps_never_block_each_other(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six recorders with batches of many jobs in any order; a deadlock would raise in one of those who take part."""
    monkeypatch.setattr(recovery, "SPREAD_SECONDS", 0.5)
    for number in range(JOBS):
        await make_measured_job(engine, ITEMS, max_cost=Decimal(10) if number % 2 else None)
    others = [asyncio.create_task(work(engine)) for work in (disturb, sweep, sweep)]
    async with asyncio.timeout(600):
        await asyncio.gather(*[work_until_over(engine) for _ in range(6)])
    assert not [task.exception() for task in others if task.done()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    counted = await one(engine, "SELECT sum(succeeded) AS succeeded, sum(failed) AS failed FROM jobs")
    assert counted.succeeded + counted.failed == JOBS * ITEMS
    assert len(await rows(engine, "SELECT FROM results")) == JOBS * ITEMS
    assert (await one(engine, "SELECT count(*) AS n FROM events WHERE type = 'job.succeeded'")).n == JOBS
    assert await rows(engine, "SELECT FROM ranges UNION ALL SELECT FROM turns") == []


async def work_until_over(engine: AsyncEngine) -> None:
    """A worker: claims, records in batches of any order while it gives signs of life, and dies now and then."""
    while await rows(engine, "SELECT FROM jobs WHERE finished_at IS NULL"):
        items = [item for _ in range(6) for item in await take(engine, random.randint(1, 9), seconds=LEASE_SECONDS)]
        random.shuffle(items)
        leases, half = list({item.lease for item in items}), len(items) // 2
        batches = [items[:half], items[half:] if random.random() < 0.95 else []]
        for batch in batches:
            random.shuffle(leases)
            done = record(engine, [answered_or_again(item) for item in batch])
            await asyncio.gather(done, extend(engine, leases, LEASE_SECONDS))


def answered_or_again(item: LeasedItem) -> Outcome:
    again = random.random() < 0.2 and item.attempt < 3
    return Outcome(item, again_seconds=0.0) if again else answered(item)


async def disturb(engine: AsyncEngine) -> None:
    """A provider that refuses a key again and again, and someone who resumes."""
    while True:
        await asyncio.sleep(random.uniform(0.02, 0.2))
        await pauses.pause_lane(engine, LANE, "upstream_auth")
        for paused in await rows(engine, "SELECT id FROM jobs WHERE status = 'paused'"):
            async with engine.begin() as connection:
                values = {"id": paused.id}  # of a job that ended meanwhile nothing is to be changed
                resumed = text("UPDATE jobs SET status = 'running' WHERE id = :id AND status = 'paused'")
                await connection.execute(resumed, values)
                await connection.execute(text("UPDATE turns SET runnable = true WHERE job_id = :id"), values)


async def sweep(engine: AsyncEngine) -> None:
    while True:
        await recovery.reclaim(engine)
        await deadlines.end_overdue(engine)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("reaches", [True, False])
async def test_a_connection_that_breaks_in_the_commit_leaves_no_doubt(
    engine: AsyncEngine, database_url: str, reaches: bool
) -> None:
    """A batch written twice would tick off items that are still in flight: their answers would be lost."""
    await make_measured_job(engine, 10)
    items = await take(engine, 10)
    async with breaking(database_url, reaches=reaches) as flaky:
        batch = [answered(item) for item in items[:6]]
        if reaches:
            assert (await record(flaky, batch)).ended == set()
        else:
            with pytest.raises(DBAPIError):
                await record(flaky, batch)
            await record(engine, batch)
    await record(engine, [answered(item) for item in items[6:]])
    job = await one(engine, "SELECT status, succeeded, spent FROM jobs")
    assert (job.status, job.succeeded, job.spent) == ("succeeded", 10, 10 * COST)


@asynccontextmanager
async def breaking(database_url: str, *, reaches: bool) -> AsyncIterator[AsyncEngine]:
    """An engine whose first commit of something breaks its connection, before the server reads it or after."""
    url, broken = make_url(database_url), asyncio.Event()
    served: list[asyncio.Task[Any]] = []

    async def answer(server: asyncio.StreamReader, back: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        while data := await server.read(65_536):
            if cut.is_set():
                return
            back.write(data)

    async def serve(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        served.append(cast("asyncio.Task[Any]", asyncio.current_task()))
        server, forth = await asyncio.open_connection(url.host, url.port)
        written, cut = False, asyncio.Event()
        answering = asyncio.create_task(answer(server, back, cut))
        while data := await client.read(65_536):
            written = written or b"INSERT" in data
            if b"COMMIT" in data and written and not broken.is_set():
                broken.set()
                cut.set()
                if reaches:
                    forth.write(data)
                    await answering
                break
            forth.write(data)
        back.close()
        forth.close()
        await asyncio.gather(answering, return_exceptions=True)

    listener = await asyncio.start_server(serve, "127.0.0.1")
    flaky = connect(url.set(port=listener.sockets[0].getsockname()[1]).render_as_string(hide_password=False))
    yield flaky
    await flaky.dispose()
    listener.close()
    await asyncio.gather(*served)
    assert broken.is_set()


async def events(engine: AsyncEngine) -> list[str]:
    return [row.type for row in await rows(engine, "SELECT type FROM events ORDER BY sequence")]
