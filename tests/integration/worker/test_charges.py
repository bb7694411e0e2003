"""What is booked and set aside for calls, through the worker's loop: a provider that tells wrong moves no cap."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_job
from tests.fakes import FakeProcess
from tests.integration.worker.test_work import PRICE, finished, host, provider, providers_file, settings, until, working
from tests.queries import one, rows, run
from vision.jobs.wake_ups import Task
from vision.prices import Usage
from vision.settings import Settings

__all__ = ["host", "provider", "settings"]


def tell(provider: FakeProcess, **usage: Any) -> None:
    """From now on the provider says that calls took this."""
    provider.post("/_/faults", [{"match": {}, "fault": {"kind": "usage", "usage": usage}}])


def billed(provider: FakeProcess) -> Decimal:
    """Dollars, by what the provider counted."""
    assert PRICE
    sums = provider.get("/_/stats")["billed"]
    return PRICE.cost(Usage(sums["input"], sums["output"], sums["image"]))


@pytest.mark.parametrize("told", [{"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": 10}, None])
async def test_usage_that_cannot_be_true_makes_no_cap_endless(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess, told: dict[str, int] | None
) -> None:
    if told is None:
        provider.post("/_/faults", [{"match": {}, "fault": "missing_usage"}])
    else:
        tell(provider, **told)
    cap = Decimal("0.01")
    await make_job(engine, [f"{host.url}/64x64/{n}.jpg" for n in range(40)], tokens=8500, max_cost=cap)
    async with working(settings):
        await until(engine, "SELECT status_code FROM jobs WHERE status = 'paused'", "cap_reached")
    job = await one(engine, "SELECT * FROM jobs")
    assert 0 < billed(provider) <= job.spent + job.unknown_cost + job.doubted_cost <= cap
    assert 0 < job.succeeded < 40
    results = await rows(engine, "SELECT counted, input_tokens, image_tokens FROM results")
    assert all(row.counted and row.image_tokens == 8500 < row.input_tokens for row in results)
    ledger = await rows(engine, "SELECT cost_is_known FROM ledger")
    assert {row.cost_is_known for row in ledger} == {told is not None}


async def test_what_is_set_aside_never_rests_on_what_a_provider_told(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    """A job that learned from false counts sets aside as much as one that learned nothing."""
    held = {}
    for learned in (None, 1):
        await make_job(
            engine, [f"{host.url}/64x64/{learned}.jpg"] * 2, tokens=8500, max_cost=Decimal(1),
            expected_prompt_tokens=learned,
        )  # fmt: skip
        provider.post("/_/latency", {"latency": None})
        async with working(settings):
            await until(engine, "SELECT sum(stop - start) FROM ranges WHERE lease_token IS NOT NULL", 2)
            held[learned] = (await one(engine, "SELECT sum(reserved) FROM ranges"))[0]
            provider.post("/_/latency", {"latency": 0.02})
            await until(engine, "SELECT count(*) FROM jobs WHERE finished_at IS NULL", 0)
    assert held[None] == held[1] > 0


async def test_a_size_that_was_only_declared_passes_no_cap(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    """The provider fetches images that nobody here can reach, many at once, each far larger than declared."""
    settings.providers_file = providers_file(settings.data_dir, provider.url, images="url")
    cap = Decimal("0.05")
    job_id = await make_job(
        engine, [f"http://127.0.0.1:9/4096x4096/{n}.jpg" for n in range(100)], tokens=8500, max_cost=cap
    )
    await run(engine, "UPDATE items SET width = 1, height = 1, unseen = true")
    async with working(settings):
        await until(engine, "SELECT status_code FROM jobs WHERE status = 'paused'", "cap_reached")
    job = await one(engine, "SELECT * FROM jobs WHERE id = :id", id=job_id)
    assert 0 < billed(provider) <= cap
    assert job.spent == billed(provider)


async def test_declared_sizes_are_measured_first_where_money_is_capped(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    settings.providers_file = providers_file(settings.data_dir, provider.url, images="url")
    job_id = await make_job(engine, [f"{host.url}/1024x1024/{n}.jpg" for n in range(5)], tokens=8500, max_cost=1)
    await run(engine, "UPDATE items SET width = 1, height = 1, unseen = true")
    await run(engine, "UPDATE ranges SET phase = 'measure'")
    async with working(settings):
        job = await finished(engine, job_id)
    items = await rows(engine, "SELECT width, height, image_tokens, unseen FROM items")
    assert {tuple(item) for item in items} == {(1024, 1024, 25_501, False)}
    assert (job.succeeded, job.sizes_corrected, job.doubted_cost) == (5, 5, job.doubted_cost)


async def test_an_answer_nested_without_end_is_paid_once_and_fails(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    deep = "[" * 500 + "]" * 500
    provider.post("/_/faults", [{"match": {}, "fault": {"kind": "text", "text": deep}}])
    async with working(settings):
        job = await finished(engine, await make_job(engine, [f"{host.url}/64x64/a.jpg"], tokens=8500))
    (result,) = await rows(engine, "SELECT * FROM results")
    assert (job.failed, result.error_code) == (1, "output_invalid")
    ledger = await rows(engine, "SELECT * FROM ledger")
    assert len(ledger) == provider.get("/_/stats")["calls"] == 2
    assert billed(provider) == job.spent == sum(row.cost for row in ledger)


async def test_a_provider_that_charges_above_its_rule_is_told_of(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    tell(provider, prompt_tokens=20_000)
    async with working(settings):
        job = await finished(engine, await make_job(engine, [f"{host.url}/64x64/a.jpg"], tokens=8500))
    assert PRICE
    text = job.prompt_tokens
    assert job.excess_cost == job.spent - PRICE.cost(Usage(8500 + text, job.output_tokens)) > 0


async def test_a_worker_that_was_silent_too_long_sends_nothing(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    """Its leases still stand in the database, but by its own clock somebody may have them by now."""
    settings.lease_seconds = 600
    async with working(settings) as work:
        work._leases._lease_seconds = 0.0  # as if the last heartbeat were older than any lease
        job_id = await make_job(engine, [f"{host.url}/64x64/a.jpg"], tokens=8500)
        work.wake(Task.DISPATCH, "fake/gpt-4o-mini")
        await until(engine, "SELECT service > 0 FROM turns", True)
        await asyncio.sleep(1)
        assert provider.get("/_/stats")["calls"] == 0
        work._leases._lease_seconds = 600
        assert (await finished(engine, job_id)).succeeded == 1
