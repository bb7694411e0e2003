"""Webhook receivers that hang, or cannot exist, delay nobody else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

import worker.deliver
from embedded.ports import free
from tests.factories import make_measured_job
from tests.queries import rows
from vision.jobs import ids
from vision.outbound import webhooks
from vision.outbound.guard import Guard
from vision.storage import deliveries
from vision.storage.tables import Delivery, Event
from worker.deliver import PER_HOST, Deliverer


class Receiver:
    """Answers, or hangs until it is let go."""

    def __init__(self) -> None:
        self.hanging = self.most = 0
        self.let_go = asyncio.Event()
        app = web.Application()
        app.router.add_post("/hang", self._hang)
        app.router.add_post("/good", self._good)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        self.port = free()

    async def listen(self, *hosts: str) -> None:
        """At these addresses of this machine."""
        for host in hosts:
            await web.TCPSite(self.runner, host, self.port, reuse_address=True).start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _hang(self, request: web.Request) -> web.Response:
        self.hanging += 1
        self.most = max(self.most, self.hanging)
        await self.let_go.wait()
        self.hanging -= 1
        return web.Response()

    async def _good(self, request: web.Request) -> web.Response:
        return web.Response()


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    monkeypatch.setattr(worker.deliver, "TIMEOUT_SECONDS", 3600.0)
    receiver = Receiver()
    await receiver.runner.setup()
    await receiver.listen("127.0.0.1", "127.0.3.1")
    yield receiver
    receiver.let_go.set()
    await receiver.runner.cleanup()


async def make_deliveries(engine: AsyncEngine, urls: list[str]) -> None:
    """Messages that are due, in this order."""
    of_job = {"tenant_id": "default", "job_id": await make_measured_job(engine, 1)}
    numbered = list(enumerate(urls, 1))
    events = [
        {**of_job, "id": ids.new(), "sequence": number, "type": webhooks.EventType.SUCCEEDED, "body": b"{}"}
        for number, _ in numbered
    ]
    due = [
        {
            **of_job,
            "id": ids.new(),
            "event_id": events[number - 1]["id"],
            "url": url,
            "status": "pending",
            "next_attempt_at": datetime.fromtimestamp(1_700_000_000 + number, UTC),
        }
        for number, url in numbered
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(Event), events)
        await connection.execute(insert(Delivery), due)


async def delivered(engine: AsyncEngine, url: str) -> None:
    """Wait until the message to this address has arrived."""
    async with asyncio.timeout(60):
        while not await rows(engine, "SELECT FROM deliveries WHERE url = :url AND status = 'delivered'", url=url):
            await asyncio.sleep(0.02)


async def test_a_receiver_that_hangs_delays_only_itself(engine: AsyncEngine, receiver: Receiver) -> None:
    good = receiver.url("/good", "127.0.3.1")
    await make_deliveries(engine, [*[receiver.url("/hang")] * (deliveries.LOOKED_AT + 100), good])
    running = asyncio.create_task(Deliverer(engine, Guard(allow_private=True)).run())
    await delivered(engine, good)
    assert receiver.hanging == receiver.most == PER_HOST
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_two_hundred_receivers_that_hang_delay_nobody(engine: AsyncEngine, receiver: Receiver) -> None:
    late = receiver.url("/good", "127.0.3.1")
    deliverer = Deliverer(engine, Guard(allow_private=True))
    hosts = [f"127.0.2.{number}" for number in range(1, 201)]
    await receiver.listen(*hosts)
    await make_deliveries(engine, [*(receiver.url("/hang", host) for host in hosts), receiver.url("/good")])
    running = asyncio.create_task(deliverer.run())
    await delivered(engine, receiver.url("/good"))
    await make_deliveries(engine, [late])
    deliverer.wake()
    await delivered(engine, late)
    assert receiver.hanging == 200
    receiver.let_go.set()
    await running
    left = await rows(engine, "SELECT status, count(*) FROM deliveries GROUP BY 1")
    assert [tuple(row) for row in left] == [("delivered", 202)]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "nowhere.invalid", "[::", "ü" * 60 + ".example"])
async def test_a_host_that_cannot_be_is_a_broken_delivery_of_its_own(
    engine: AsyncEngine, receiver: Receiver, host: str
) -> None:
    await make_deliveries(engine, [f"https://{host}/hook", receiver.url("/good")])
    await Deliverer(engine, Guard(allow_private=True)).run()
    found = await rows(engine, "SELECT status, attempts FROM deliveries ORDER BY next_attempt_at, status")
    assert sorted(tuple(row) for row in found) == [("delivered", 1), ("pending", 1)]
    attempts = await rows(engine, "SELECT delivered FROM delivery_attempts ORDER BY delivered")
    assert [row.delivered for row in attempts] == [False, True]
