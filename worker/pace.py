"""Start times on one lane for this process: reservations and settlements, gathered into few calls to Redis."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace

from redis.exceptions import RedisError

from vision.limiter import Limit, Limiter, Settlement
from vision.provider.catalogue import Lane
from vision.provider.client import Called

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.05
MEMORY = 16
"""Over how many calls their usual size is taken."""
AWAY_SECONDS = 0.5
"""Between two tries while Redis is away: spending stops, nothing is lost."""


class Pacer:
    """Reserve, wait, settle, for every call of this process on one lane. First come, first served."""

    def __init__(self, limiter: Limiter, lane: Lane) -> None:
        self._limiter = limiter
        self._lane = lane.name
        self._limit = Limit(lane.rpm, lane.tpm)
        self._asking: list[tuple[int, asyncio.Future[float | None]]] = []
        self._ended: Settlement | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused_until = 0.0
        self._mean_tokens = 0.0
        self._given_up = asyncio.Event()
        self.horizon = 0.0
        """The latest start granted, in loop time: how far ahead this process has claimed."""

    async def reserve(self, tokens: int) -> float | None:
        """The instant (loop time) when a call of so many tokens may start; None if it can never fit the bucket."""
        self._mean_tokens += (tokens - self._mean_tokens) / (MEMORY if self._mean_tokens else 1)
        future: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._asking.append((tokens, future))
        if len(self._asking) == 1:
            self._start(self._ask())
        return await future

    def admits(self, seconds: float) -> int:
        """How many calls of the usual size the lane's refill lets start in so many seconds; at least one."""
        return max(1, int(seconds / 60 * min(self._limit.rpm, self._limit.tpm / max(1.0, self._mean_tokens))))

    async def wait_until(self, start: float) -> bool:
        """Sleep until a granted start, or until the lane's pause is over if that is later; False: give it up."""
        loop = asyncio.get_running_loop()
        # The pause may be lengthened while this sleeps.
        while (delay := max(start, self._paused_until) - loop.time()) > 0:
            try:
                await asyncio.wait_for(self._given_up.wait(), delay)
            except TimeoutError:
                continue
            return False
        return True

    def give_up(self) -> None:
        """This process stops: calls that wait for their start are not made."""
        self._given_up.set()

    async def pause(self, seconds: float) -> None:
        """A 429: stop every worker's calls on this lane for so long."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)
        try:
            await self._limiter.pause(self._lane, seconds)
        except (RedisError, OSError) as error:
            log.warning("The pause of %s is not shared (%s).", self._lane, type(error).__name__)

    def settle(self, reserved: int, used: int, called: Called | None = None, *, throttled: bool = False) -> None:
        """Give back what a call did not use; takes effect within 50 ms."""
        if self._ended is None:
            self._ended = Settlement()
            self._start(self._settle())
        ended = self._ended
        self._ended = replace(
            ended,
            tokens_back=ended.tokens_back + reserved - used,
            requests_back=ended.requests_back + (called is None),
            tokens_used=ended.tokens_used + used,
            calls=ended.calls + (called is not None),
            throttled=ended.throttled + throttled,
            remaining_tokens=called.remaining_tokens if called else ended.remaining_tokens,
            remaining_requests=called.remaining_requests if called else ended.remaining_requests,
        )

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self) -> None:
        """One script call for everybody who asked since the last one."""
        await asyncio.sleep(0)
        while self._asking:
            asking, self._asking = self._asking, []
            waits = await self._waits([tokens for tokens, _ in asking])
            now = asyncio.get_running_loop().time()
            for (_, future), wait in zip(asking, waits, strict=True):
                start = None if wait is None else now + wait
                self.horizon = max(self.horizon, start or 0.0)
                if not future.cancelled():
                    future.set_result(start)

    async def _waits(self, tokens: list[int]) -> list[float | None]:
        while True:
            try:
                return await self._limiter.reserve(self._lane, self._limit, tokens)
            except (RedisError, OSError) as error:
                log.warning("No start times for %s: Redis is away (%s).", self._lane, type(error).__name__)
                await asyncio.sleep(AWAY_SECONDS)

    async def _settle(self) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        ended, self._ended = self._ended, None
        if ended is None:
            return
        try:
            await self._limiter.settle(self._lane, self._limit, ended)
        except (RedisError, OSError) as error:
            # What is not given back refills with time: slower for a moment, never over the cap.
            log.warning("Calls on %s were not settled (%s).", self._lane, type(error).__name__)
