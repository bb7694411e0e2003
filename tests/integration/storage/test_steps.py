"""Jobs of two steps: where items wait, what is stored and counted, and that nothing gets lost between the steps."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.queries import one, rows, run
from vision import intake
from vision.errors import InvalidRequest
from vision.files.folder import Folder
from vision.intake import IntakeContext, Order
from vision.intake.order import StepOrder
from vision.jobs.lifecycle import ItemStatus, Phase
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.prices import Price, Usage
from vision.provider import catalogue
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.outcomes.record import Recorded, record
from vision.storage.queue import claims, marks, measurements, recovery
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee
from vision.storage.queue.marks import Mark, Step
from vision.storage.queue.measurements import Measurement
from vision.storage.specs import load

PROVIDERS = """
[[provider]]
name = "cheap"
base_url = "http://127.0.0.1:9/v1"
[provider.models."gpt-4o-mini"]
rpm = 1_000
tpm = 1_000_000
[[provider]]
name = "good"
base_url = "http://127.0.0.1:9/v1"
[provider.models."gpt-4o"]
rpm = 1_000
tpm = 1_000_000
"""
CHEAP, GOOD = "cheap/gpt-4o-mini", "good/gpt-4o"
PRICE = Price(Decimal("0.15"), Decimal("0.075"), Decimal("0.60"), source="test")
COST = Decimal("0.0002")
UNSURE: dict[str, Any] = {"step": "screen", "any": [{"field": "confidence", "lt": 0.9}, {"status": "refused"}]}
STEPS = (
    StepOrder(name="screen", preset="moderation", model=CHEAP, detail="low"),
    StepOrder(name="decide", prompt="Is this a shoe?", model=GOOD, detail="high", when=UNSURE),
)
SURE, DOUBT = {"confidence": 0.99}, {"confidence": 0.4}


@pytest.fixture
async def context(tmp_path: Path, engine: AsyncEngine, redis_url: str) -> AsyncIterator[IntakeContext]:
    """A context with two lanes."""
    (tmp_path / "providers.toml").write_text(PROVIDERS)
    wake_ups = WakeUps(redis_url)
    offered, store = catalogue.load(tmp_path / "providers.toml"), Folder(tmp_path / "files")
    await store.prepare()
    yield IntakeContext(engine, offered, wake_ups, Guard(True), store)
    await wake_ups.close()


async def make(context: IntakeContext, count: int, steps: Sequence[StepOrder] = STEPS, **more: Any) -> UUID:
    """A job of so many items whose size is known."""
    items = [{"image": f"http://host/{number}.jpg", "width": 512, "height": 512} for number in range(count)]
    return (await intake.submit(context, "default", Order(steps=tuple(steps), **more), items)).job_id


async def take(
    engine: AsyncEngine, lane: str, want: int, phase: Phase = Phase.CALL, price: Price = PRICE
) -> list[LeasedItem]:
    """The next items of the lane."""
    return await claims.claim(engine, lane, want, phase=phase, lessee=Lessee("test", 60), price=price)


def answered(item: LeasedItem, answer: object, cost: Decimal = COST) -> Outcome:
    charge = Charge("lane", "succeeded", Usage(100, 10, 85), cost, request_id="req_1")
    return Outcome(item, charge, ItemStatus.SUCCEEDED, answer=answer)


def failed(item: LeasedItem, code: str) -> Outcome:
    return Outcome(item, None, ItemStatus.FAILED, error_code=code, error_message="No.")


async def spans(engine: AsyncEngine) -> list[tuple[int, str, str, int, int]]:
    """Step, lane, phase, start and stop of what waits."""
    found = await rows(
        engine, "SELECT step, lane, phase, start, stop FROM ranges WHERE lease_token IS NULL ORDER BY step, start"
    )
    return [tuple(row) for row in found]


async def counted(engine: AsyncEngine) -> list[tuple[str, int, int, int]]:
    """Name, items reached, succeeded and failed of each step."""
    found = await rows(engine, "SELECT name, reached, succeeded, failed FROM steps ORDER BY position")
    return [tuple(row) for row in found]


async def test_items_go_on_where_the_condition_holds_and_have_their_result_elsewhere(
    engine: AsyncEngine, context: IntakeContext
) -> None:
    job_id = await make(context, 6)
    items = await take(engine, CHEAP, 6)
    assert [(item.step, item.steps, item.image_tokens) for item in items] == [(1, 2, 2833)] * 6
    batch = [answered(item, DOUBT if item.number in {2, 3, 5} else SURE) for item in items[:5]]
    recorded = await record(engine, [*batch, failed(items[5], "refused")])
    assert recorded == Recorded(set(), {(GOOD, Phase.CALL)})
    assert await spans(engine) == [(2, GOOD, "call", 2, 4), (2, GOOD, "call", 5, 7)]
    later = await take(engine, GOOD, 10)
    assert [(item.number, item.step, item.attempt, item.image_tokens) for item in later] == [
        (number, 2, 0, 765 - 510) for number in (2, 3, 5, 6)
    ], "counted by the second model's rule, without measuring again"
    assert (await record(engine, [answered(item, "yes") for item in later])).ended == {job_id}
    job = await one(engine, "SELECT * FROM jobs")
    assert (job.status, job.succeeded, job.failed, job.spent) == ("succeeded", 6, 0, 9 * COST)
    results = await rows(engine, "SELECT number, step, status, answer, cost FROM results ORDER BY number")
    assert [tuple(row) for row in results] == [
        (1, 1, "succeeded", SURE, COST),
        (2, 2, "succeeded", "yes", 2 * COST),
        (3, 2, "succeeded", "yes", 2 * COST),
        (4, 1, "succeeded", SURE, COST),
        (5, 2, "succeeded", "yes", 2 * COST),
        (6, 2, "succeeded", "yes", COST),
    ]
    answers = await rows(engine, "SELECT number, step, status, answer, error_code FROM answers ORDER BY number")
    assert [tuple(row) for row in answers] == [
        *((number, 1, "succeeded", DOUBT, None) for number in (2, 3, 5)),
        (6, 1, "failed", None, "refused"),
    ]
    assert await counted(engine) == [("screen", 6, 5, 1), ("decide", 4, 4, 0)]
    assert [row.step for row in await rows(engine, "SELECT step FROM ledger ORDER BY step")] == [1] * 5 + [2] * 4
    sums = await one(engine, "SELECT sum(spent) AS spent, sum(input_tokens) AS input FROM steps")
    assert (sums.spent, sums.input) == (job.spent, job.input_tokens)
    for table in ("ranges", "turns"):
        assert await rows(engine, f"SELECT FROM {table}") == []


async def test_a_job_without_steps_writes_what_it_wrote_before(engine: AsyncEngine, context: IntakeContext) -> None:
    order = Order(preset="moderation", model=CHEAP, detail="low")
    await intake.submit(context, "default", order, [{"image": "http://host/a.jpg"}])
    assert (await record(engine, [answered(item, {}) for item in await take(engine, CHEAP, 1)])).waiting == set()
    for table in ("steps", "answers"):
        assert await rows(engine, f"SELECT FROM {table}") == []


async def test_an_item_that_fails_ends_unless_failures_are_asked_for(
    engine: AsyncEngine, context: IntakeContext
) -> None:
    await make(context, 2)
    first, second = await take(engine, CHEAP, 2)
    await record(engine, [failed(first, "image_corrupt"), failed(second, "refused")])
    assert await spans(engine) == [(2, GOOD, "call", 2, 3)]
    assert [tuple(row) for row in await rows(engine, "SELECT number, step, status FROM results")] == [(1, 1, "failed")]


async def test_each_step_has_its_own_question(engine: AsyncEngine, context: IntakeContext) -> None:
    job_id = await make(context, 1)
    screen, decide = await load(engine, job_id), await load(engine, job_id, 2)
    assert (screen.preset, screen.detail, screen.lane, screen.step) == ("moderation", "low", CHEAP, 1)
    assert (decide.preset, decide.prompt, decide.detail, decide.lane, decide.step) == (
        None,
        "Is this a shoe?",
        "high",
        GOOD,
        2,
    )


async def test_images_of_unknown_size_are_measured_at_the_first_step_that_needs_it(
    engine: AsyncEngine, context: IntakeContext
) -> None:
    items = [{"image": "http://host/a.jpg"}, {"images": ["http://host/b.jpg", "http://host/c.jpg"]}]
    steps = (*STEPS, StepOrder(name="again", prompt="Sure?", model=CHEAP, detail="high"))
    await intake.submit(context, "default", Order(steps=steps), items)
    held = await take(engine, CHEAP, 2)
    recorded = await record(engine, [answered(item, DOUBT) for item in held])
    assert recorded.waiting == {(GOOD, Phase.MEASURE)}
    measured = await take(engine, GOOD, 2, Phase.MEASURE)
    assert [item.image_tokens for item in measured] == [None, None]
    alone, pair = measured
    found = [
        Measurement(alone, 512, 512, 255, COST),
        Measurement(pair, 512, 512, 1_020, COST, sizes=((512, 512), (1_024, 1_024))),
    ]
    await measurements.store(engine, found, [])
    later = await take(engine, GOOD, 2)
    assert [item.image_tokens for item in later] == [255, 255 + 765]
    assert (await record(engine, [answered(item, "yes") for item in later])).waiting == {(CHEAP, Phase.CALL)}
    assert [item.image_tokens for item in await take(engine, CHEAP, 2)] == [8_500, 8_500 + 25_501]
    job = await one(engine, "SELECT measured, estimated_image_tokens FROM jobs")
    assert (job.measured, job.estimated_image_tokens) == (2, 3 * 2833), "of the first step"


async def test_the_cap_holds_over_all_steps(engine: AsyncEngine, context: IntakeContext) -> None:
    cap = Decimal("0.01")
    job_id = await make(context, 4, max_cost=cap)
    items = await take(engine, CHEAP, 4)
    assert len(items) == 4
    await record(engine, [answered(item, DOUBT) for item in items[:3]])
    expensive = replace(PRICE, input=Decimal(5), output=Decimal(2))
    later = await take(engine, GOOD, 4, price=expensive)
    left = cap - 3 * COST - items[3].reserved
    each = (await load(engine, job_id, 2)).most_cost(expensive, 255)
    assert len(later) == min(3, left // each) < 3, "what the first step holds is not spent twice"
    assert sum(item.reserved for item in later) <= left


async def test_steps_of_one_job_have_a_turn_each_and_newcomers_start_level(
    engine: AsyncEngine, context: IntakeContext
) -> None:
    other = StepOrder(name="answer", prompt="Other?", model=GOOD, detail="high")
    await make(context, 50, [other])
    await record(engine, [answered(item, {}) for item in await take(engine, GOOD, 20)])
    await make(context, 10)
    await record(engine, [answered(item, DOUBT) for item in await take(engine, CHEAP, 10)])
    turns = await rows(engine, "SELECT lane, step, service FROM turns ORDER BY lane, step")
    assert [(row.lane, row.step) for row in turns] == [(CHEAP, 1), (GOOD, 1), (GOOD, 2)]
    assert turns[1].service == turns[2].service > 0, "it does not take the lane for all that it missed"
    taken = [item.step for _ in range(4) for item in await take(engine, GOOD, 2)]
    assert taken.count(1) == taken.count(2) == 4


async def test_pause_stops_all_steps_and_resume_starts_them(engine: AsyncEngine, context: IntakeContext) -> None:
    job_id = await make(context, 4)
    await record(engine, [answered(item, DOUBT) for item in await take(engine, CHEAP, 2)])
    held = await take(engine, CHEAP, 1)
    await intake.pause(context, "default", job_id)
    assert await take(engine, CHEAP, 4) == await take(engine, GOOD, 4) == []
    assert (await record(engine, [answered(held[0], DOUBT)])).waiting == {(GOOD, Phase.CALL)}
    assert await take(engine, GOOD, 4) == [], "what comes in while it is paused waits, too"
    await intake.resume(context, "default", job_id)
    assert (len(await take(engine, CHEAP, 4)), len(await take(engine, GOOD, 4))) == (1, 3)


async def test_a_first_item_that_goes_on_while_the_job_is_paused_waits(
    engine: AsyncEngine, context: IntakeContext
) -> None:
    job_id = await make(context, 1)
    (item,) = await take(engine, CHEAP, 1)
    await intake.pause(context, "default", job_id)
    await record(engine, [answered(item, DOUBT)])
    assert await take(engine, GOOD, 1) == []
    await intake.resume(context, "default", job_id)
    assert len(await take(engine, GOOD, 1)) == 1


async def test_a_cancelled_job_ends_with_what_is_in_flight_at_any_step(
    engine: AsyncEngine, context: IntakeContext
) -> None:
    job_id = await make(context, 4)
    first = await take(engine, CHEAP, 3)
    await record(engine, [answered(item, DOUBT) for item in first[:2]])
    (later,) = await take(engine, GOOD, 1)
    await intake.cancel(context, "default", job_id)
    assert (await record(engine, [answered(first[2], DOUBT)])).ended == set(), "another step is in flight"
    assert (await record(engine, [answered(later, "yes")])).ended == {job_id}
    job = await one(engine, "SELECT status, succeeded FROM jobs")
    assert tuple(job) == ("cancelled", 1)
    for table in ("ranges", "turns"):
        assert await rows(engine, f"SELECT FROM {table}") == []


async def test_retry_takes_failed_items_up_at_the_step_that_failed(engine: AsyncEngine, context: IntakeContext) -> None:
    job_id = await make(context, 4)
    items = await take(engine, CHEAP, 4)
    await record(engine, [failed(items[0], "upstream_error"), *(answered(item, DOUBT) for item in items[1:])])
    later = await take(engine, GOOD, 3)
    batch = [failed(item, "output_invalid") for item in later[:2]] + [answered(later[2], "yes")]
    assert (await record(engine, batch)).ended == {job_id}
    await intake.retry(context, "default", job_id)
    assert await spans(engine) == [(1, CHEAP, "call", 1, 2), (2, GOOD, "call", 2, 4)]
    assert await counted(engine) == [("screen", 4, 3, 0), ("decide", 3, 1, 0)]
    await record(engine, [answered(item, DOUBT) for item in await take(engine, CHEAP, 4)])
    done = await record(engine, [answered(item, "no") for item in await take(engine, GOOD, 4)])
    assert done.ended == {job_id}
    assert await counted(engine) == [("screen", 4, 4, 0), ("decide", 4, 4, 0)]
    assert (await one(engine, "SELECT succeeded, failed FROM jobs")) == (4, 0)


async def test_a_dead_workers_items_come_back_at_their_step_once(engine: AsyncEngine, context: IntakeContext) -> None:
    job_id = await make(context, 6)
    first = await take(engine, CHEAP, 4)
    await record(engine, [answered(item, DOUBT) for item in first[:2]])
    later = await take(engine, GOOD, 2)
    await marks.write(engine, [Mark(first[2], Step.SENT), Mark(later[0], Step.SENT)])
    await run(engine, "UPDATE ranges SET lease_until = now() - interval '1 s' WHERE lease_token IS NOT NULL")
    await recovery.reclaim(engine)
    again = await spans(engine)
    assert sorted(n for step, _, _, start, stop in again if step == 1 for n in range(start, stop)) == [3, 4, 5, 6]
    assert sorted(n for step, _, _, start, stop in again if step == 2 for n in range(start, stop)) == [1, 2]
    unknown = await rows(engine, "SELECT number, step, attempt FROM ledger WHERE outcome = 'unknown' ORDER BY step")
    assert [tuple(row) for row in unknown] == [(3, 1, 1), (1, 2, 1)]
    late = await record(engine, [answered(later[0], "late"), answered(first[2], DOUBT)])
    assert late == Recorded(set(), set()), "what the dead worker brings after all moves nothing on"
    assert await rows(engine, "SELECT FROM ledger WHERE outcome = 'unknown'") == [], "but its cost is known now"
    for lane, answer in ((CHEAP, DOUBT), (GOOD, "yes")):
        while items := await take(engine, lane, 10):
            await record(engine, [answered(item, answer) for item in items])
    assert (await one(engine, "SELECT status, succeeded FROM jobs WHERE id = :id", id=job_id)) == ("succeeded", 6)
    assert len(await rows(engine, "SELECT FROM results")) == 6


async def test_many_workers_lose_and_double_nothing(engine: AsyncEngine, context: IntakeContext) -> None:
    job_id = await make(context, 300)

    async def work(lane: str, seed: int) -> None:
        while not (await one(engine, "SELECT finished_at FROM jobs WHERE id = :id", id=job_id)).finished_at:
            items = await take(engine, lane, 7)
            batch = []
            for item in items:
                if (item.number + item.attempt + seed) % 5 == 0 and item.attempt < 2:
                    batch.append(Outcome(item, again_seconds=0.0))
                else:
                    batch.append(answered(item, DOUBT if item.number % 3 == 0 else SURE))
            await record(engine, batch)

    await asyncio.wait_for(asyncio.gather(*(work(lane, n) for n in range(3) for lane in (CHEAP, GOOD))), 120)
    job = await one(engine, "SELECT * FROM jobs WHERE id = :id", id=job_id)
    assert (job.status, job.succeeded, job.spent) == ("succeeded", 300, 400 * COST)
    assert await counted(engine) == [("screen", 300, 300, 0), ("decide", 100, 100, 0)]
    assert {row.step for row in await rows(engine, "SELECT step FROM results WHERE number % 3 = 0")} == {2}
    assert {row.step for row in await rows(engine, "SELECT step FROM results WHERE number % 3 > 0")} == {1}


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (Order(steps=(STEPS[1],)), "invalid_condition"),
        (Order(steps=(STEPS[0], STEPS[0])), "invalid_step_name"),
        (Order(steps=(STEPS[0], replace(STEPS[1], when=UNSURE | {"step": "decide"}))), "invalid_condition"),
        (Order(steps=STEPS, preset="moderation"), "steps_or_question"),
        (Order(steps=(STEPS[0], StepOrder(name="next"))), "preset_or_prompt"),
        (Order(steps=tuple(replace(STEPS[0], name=f"s{n}") for n in range(9))), "too_many_steps"),
    ],
)  # fmt: skip
async def test_a_wrong_plan_is_refused_whole(
    engine: AsyncEngine, context: IntakeContext, order: Order, code: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await intake.submit(context, "default", order, [{"image": "http://host/a.jpg"}])
    assert caught.value.code == code
    for table in ("jobs", "items", "steps"):
        assert await rows(engine, f"SELECT FROM {table}") == []


async def test_a_step_that_had_nothing_to_do_starts_level_again(engine: AsyncEngine, context: IntakeContext) -> None:
    await make(context, 10)
    await record(engine, [answered(item, DOUBT) for item in await take(engine, CHEAP, 1)])
    await record(engine, [answered(item, "yes") for item in await take(engine, GOOD, 1)])
    await make(context, 50, [StepOrder(name="answer", prompt="Other?", model=GOOD, detail="high")])
    await record(engine, [answered(item, {}) for item in await take(engine, GOOD, 20)])
    await record(engine, [answered(item, DOUBT) for item in await take(engine, CHEAP, 1)])
    services = await rows(engine, "SELECT service FROM turns WHERE lane = :lane", lane=GOOD)
    assert len({row.service for row in services}) == 1


async def test_an_item_that_kills_workers_fails_at_its_step(engine: AsyncEngine, context: IntakeContext) -> None:
    await make(context, 1)
    await record(engine, [answered(item, DOUBT) for item in await take(engine, CHEAP, 1)])
    for _ in range(recovery.MOST_CRASHES + 1):
        await run(engine, "UPDATE ranges SET run_at = NULL")
        (item,) = await take(engine, GOOD, 1)
        await marks.write(engine, [Mark(item, Step.DECODING)])
        await run(engine, "UPDATE ranges SET lease_until = now() - interval '1 s'")
        await recovery.reclaim(engine)
    assert tuple(await one(engine, "SELECT step, error_code, cost FROM results")) == (2, "poison_item", COST)


async def test_a_late_answer_releases_the_unknown_cost_of_its_own_step(
    engine: AsyncEngine, context: IntakeContext
) -> None:
    await make(context, 1)
    late = []
    for lane, answer in ((CHEAP, DOUBT), (GOOD, "yes")):
        (item,) = await take(engine, lane, 1)
        await marks.write(engine, [Mark(item, Step.SENT)])
        await run(engine, "UPDATE ranges SET lease_until = now() - interval '1 s'")
        await recovery.reclaim(engine)
        late.append(answered(item, answer))
        await record(engine, [answered(again, answer) for again in await take(engine, lane, 1)])
    await record(engine, late[1:])
    assert [row.step for row in await rows(engine, "SELECT step FROM ledger WHERE outcome = 'unknown'")] == [1]
