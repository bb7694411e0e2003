"""Worker processes on the simulated clock, each with a pacer, a limiter and a connection of its own."""

import asyncio
import random
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tests.simulation.clock import SimulatedLoop
from tests.simulation.provider import Provider
from vision.limiter import LaneState, Limiter, connect
from vision.limiter.scripts import Scripts
from vision.provider.catalogue.lane import Lane
from worker.dispatch.marks import GATHER_SECONDS, LEAD_SECONDS
from worker.pacing.claim_size import HORIZON_SECONDS, LOW_SECONDS
from worker.pacing.pacer import Pacer

CLAIM = 64
EPOCH = 1_800_000_000.0
"""Redis's clock when the simulation begins."""


class Item(NamedTuple):
    """One call: tokens at most, tokens that 99 of 100 stay within, and what it will use."""

    most: int
    likely: int
    usage: int


class _Scripts(Scripts):
    """Asks a real Valkey while the simulated time stands still."""

    loop: SimulatedLoop
    trip = 0.001

    async def run(self, name: str, keys: list[str], args: list[Any]) -> Any:
        try:
            return await self.loop.ask(super().run(name, keys, args), self.trip)
        except ResponseError as error:
            raise AssertionError(f"{name}.lua: {error}") from None  # the pacer would go on as if Redis were away


class Process:
    """Claims items as the dispatcher does: no further ahead than it does; sends each when it may start."""

    def __init__(self, redis_url: str, lane: Lane, provider: Provider, items: "deque[Item]", *, seed: int = 1) -> None:
        self.loop = asyncio.get_running_loop()
        assert isinstance(self.loop, SimulatedLoop)
        self.redis: Redis = connect(redis_url)
        limiter = Limiter(self.redis, clock=lambda: EPOCH + self.loop.time())
        limiter._scripts = _Scripts(self.redis)
        limiter._scripts.loop = self.loop
        self.limiter, self.lane = limiter, lane
        self.pacer = Pacer(limiter, lane)
        self.provider = provider
        self.items = items
        self.dice = random.Random(seed)
        self.lag = 0.003
        self.most_in_flight = 2000
        self.tasks: set[asyncio.Task[None]] = set()
        self.coming = 0
        self.moved = asyncio.Event()
        self.starts: list[tuple[float, Item]] = []
        self.waits: list[tuple[Item, float]] = []

    async def run(self) -> None:
        """Until no item is left and every call has ended."""
        while self.items or self.tasks:
            self.moved.clear()
            if self.items and self.room() > 0:
                self.claim(min(self.room(), CLAIM))
                await asyncio.sleep(0.01)
            else:
                try:
                    await asyncio.wait_for(self.moved.wait(), 0.25)
                except TimeoutError:
                    continue

    async def state(self) -> LaneState:
        """What the lane has learned, after a second in which all that ended is settled."""
        await asyncio.sleep(1)
        return await self.loop.ask(Limiter(self.redis).state(self.lane.name, self.lane.limit))

    async def close(self) -> None:
        """The connections."""
        await self.redis.aclose()

    def kill(self) -> None:
        """As kill -9 does: nothing is reported any more."""
        for task in (*self.tasks, self.pacer._asker, self.pacer._keeper):
            if task:
                task.cancel()

    def room(self) -> int:
        """How many items it may claim."""
        ahead = max(0.0, self.pacer.horizon - self.loop.time())
        if ahead >= LOW_SECONDS:
            return 0
        return min(self.pacer.admits(HORIZON_SECONDS - ahead) - self.coming, self.most_in_flight - len(self.tasks))

    def claim(self, most: int) -> None:
        """The next items, each seen through by a task."""
        for _ in range(min(most, len(self.items))):
            self.coming += 1
            task = self.loop.create_task(self.see_through(self.items.popleft()))
            self.tasks.add(task)
            task.add_done_callback(self.done)

    def done(self, task: "asyncio.Task[None]") -> None:
        """There is room."""
        self.tasks.discard(task)
        self.moved.set()

    async def see_through(self, item: Item) -> None:
        """Reserve, wait, send, settle; again if it was refused."""
        began = self.loop.time()
        ticket = await self.pacer.reserve(item.most, item.likely)
        self.coming -= 1
        self.moved.set()
        assert ticket
        if not await self.pacer.near(ticket, LEAD_SECONDS):
            return
        await asyncio.sleep(self.dice.uniform(0.002, GATHER_SECONDS + 0.002))  # that it is sent is written down
        if not await self.pacer.wait_until(ticket):
            return
        await asyncio.sleep(self.dice.uniform(0, self.lag))
        self.starts.append((self.loop.time(), item))
        self.waits.append((item, self.loop.time() - began))
        called = await self.provider.call(item.most, item.usage)
        if called.reply:
            self.pacer.settle(ticket, item.usage, called)
            return
        self.pacer.settle(ticket, 0, called, throttled=True)
        assert called.failure
        await self.pacer.pause(ticket, called.failure.retry_after, called.limits)
        self.items.append(item)


async def work(processes: Iterable[Process]) -> float:
    """Run all; the simulated seconds that it took."""
    began = asyncio.get_running_loop().time()
    every = list(processes)
    await asyncio.gather(*(process.run() for process in every))
    return asyncio.get_running_loop().time() - began
