"""A second way to carry out a lane, beside the first: it hands its items to somebody who is not a process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_job
from tests.fakes import FakeProcess
from tests.integration.worker.test_work import finished, host, provider, settings, until
from tests.queries import rows
from vision.jobs.lifecycle import ItemStatus, Phase
from vision.jobs.wake_ups import Task
from vision.prices import Usage
from vision.provider.catalogue import Catalogue, Lane, configured
from vision.settings import Settings
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.queue import claims
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee
from worker.dispatch.executors import EXECUTORS
from worker.dispatch.process_context import ProcessContext
from worker.work import Work

__all__ = ["host", "provider", "settings"]

SLOW = "fake/slow"


@dataclass
class Elsewhere:
    """Who answers, in its own time; it lives longer than any worker."""

    items: list[LeasedItem] = field(default_factory=list)
    ready: bool = False


@dataclass
class Slow:
    """Hands over all items of its lane, and records the answers once they are there."""

    elsewhere: Elsewhere
    process: ProcessContext
    lane: Lane
    totals: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        owner = Lessee("batch_1", 3_600, is_process=False)
        while items := await claims.claim(self.process.engine, self.lane.name, 64, phase=Phase.CALL, lessee=owner):
            self.elsewhere.items += items
        while self.elsewhere.ready and self.elsewhere.items:
            item = self.elsewhere.items.pop()
            charge = Charge(self.lane.name, "succeeded", Usage(10, 1), item.reserved)
            self.process.recorder.put(Outcome(item, charge, ItemStatus.SUCCEEDED, {"said": item.number}))

    def wake(self) -> None: ...

    def look(self) -> None: ...

    def hear(self, seconds: float | None, asked_at: float) -> None: ...

    def give_back(self) -> None: ...

    async def drain(self) -> None: ...


@asynccontextmanager
async def working(settings: Settings, elsewhere: Elsewhere) -> AsyncIterator[Work]:
    """A worker that knows both ways."""
    lanes = configured(settings).lanes
    slow = replace(lanes["fake/gpt-4o-mini"], name=SLOW, executor="slow")
    stopping = asyncio.Event()
    ways = {**EXECUTORS, "slow": lambda process, lane: Slow(elsewhere, process, lane)}
    work = Work(settings, Catalogue({**lanes, SLOW: slow}), stopping.is_set, ways)
    await work.open()
    try:
        yield work
    finally:
        stopping.set()
        await work.close()


async def test_each_lane_is_carried_out_in_its_own_way(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    images = [f"{host.url}/64x64/{number}.jpg" for number in range(100)]
    elsewhere = Elsewhere(ready=True)
    async with working(settings, elsewhere):
        slow = await finished(engine, await make_job(engine, images, lane=SLOW, tokens=8500))
        direct = await finished(engine, await make_job(engine, images[:10], tokens=8500))
    assert (slow.succeeded, slow.failed, slow.input_tokens) == (100, 0, 1_000)
    assert (direct.succeeded, direct.failed) == (10, 0)
    assert (await asyncio.to_thread(provider.get, "/_/stats"))["calls"] == 10
    answers = await rows(engine, "SELECT answer FROM results WHERE job_id = :id ORDER BY number", id=slow.id)
    assert [row.answer for row in answers] == [{"said": number} for number in range(1, 101)]


async def test_what_somebody_else_has_in_hand_outlives_the_worker_that_gave_it(
    engine: AsyncEngine, settings: Settings, host: FakeProcess
) -> None:
    elsewhere = Elsewhere()
    job_id = await make_job(engine, [f"{host.url}/64x64/a.jpg"] * 20, lane=SLOW, tokens=8500)
    async with working(settings, elsewhere):
        await until(engine, "SELECT count(*) FROM ranges WHERE worker = '@batch_1'", 1)
    beside = await make_job(engine, [f"{host.url}/64x64/b.jpg"], tokens=8500)
    await claims.claim(engine, "fake/gpt-4o-mini", 1, phase=Phase.CALL, lessee=Lessee("dead:1", 0))
    async with working(settings, elsewhere) as work:
        assert (await finished(engine, beside)).succeeded == 1, "the sweep has taken a dead worker's lease"
        assert len(await rows(engine, "SELECT 1 FROM ranges WHERE worker = '@batch_1'")) == 1
        elsewhere.ready = True
        work.wake(Task.DISPATCH, SLOW)
        job = await finished(engine, job_id)
    assert (job.succeeded, job.unknown_cost) == (20, 0)
    assert len(await rows(engine, "SELECT 1 FROM ledger WHERE job_id = :id", id=job_id)) == 20


async def test_a_lane_whose_way_is_not_known_is_left_to_others(
    engine: AsyncEngine, settings: Settings, host: FakeProcess, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await make_job(engine, [f"{host.url}/64x64/a.jpg"], lane=SLOW, tokens=8500)
    lanes = configured(settings).lanes
    catalogue = Catalogue({**lanes, SLOW: replace(lanes["fake/gpt-4o-mini"], name=SLOW, executor="slow")})
    stopping = asyncio.Event()
    work = Work(settings, catalogue, stopping.is_set)
    await work.open()
    try:
        work.wake(Task.DISPATCH, SLOW)
        await finished(engine, await make_job(engine, [f"{host.url}/64x64/b.jpg"], tokens=8500))
    finally:
        stopping.set()
        await work.close()
    assert "needs the executor 'slow'" in caplog.text
    assert await rows(engine, "SELECT 1 FROM ranges WHERE job_id = :id AND lease_token IS NULL", id=job_id)
