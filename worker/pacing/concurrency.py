"""Concurrency slots of a lane that limits its calls in flight over all processes."""

import asyncio
import logging
import secrets
from collections import deque

from redis.exceptions import RedisError

from vision.limiter import CONCURRENCY_SECONDS, Limiter

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
"""Between two requests for slots while calls wait; slots that became free are returned with them."""
REPORT_SECONDS = CONCURRENCY_SECONDS / 4


class ConcurrencySlots:
    """The slots of one process; first come, first served."""

    def __init__(self, limiter: Limiter, lane: str, most: int) -> None:
        self._limiter = limiter
        self._lane = lane
        self._most = most
        self._process = secrets.token_hex(8)
        self._held = 0
        self._reported = 0
        self._part = 0
        self._reported_at = float("-inf")
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self.keeper: asyncio.Task[None] | None = None

    def enter(self) -> asyncio.Future[bool]:
        """A future that becomes True with a slot, False when the call is given up; the caller may set False itself."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if not self.keeper or self.keeper.done():
            self.keeper = asyncio.get_running_loop().create_task(self._keep())
        return future

    def leave(self) -> None:
        """Free a slot. The next call of this process takes it, unless another process has less than its part."""
        self._held -= 1
        if self._held < self._part:
            self._start(1)

    def give_up(self) -> None:
        """Give up the waiting calls."""
        while self._waiting:
            if not (future := self._waiting.popleft()).done():
                future.set_result(False)

    async def _keep(self) -> None:
        """Ask for slots and report calls in flight, until there are neither."""
        while self._waiting or self._held or self._reported:
            if self._waiting or self._held != self._reported or self._silent() >= REPORT_SECONDS:
                await self._report()
            await asyncio.sleep(LOOK_SECONDS)

    def _silent(self) -> float:
        return asyncio.get_running_loop().time() - self._reported_at

    async def _report(self) -> None:
        held, wanted = self._held, len(self._waiting)
        try:
            granted, self._part = await self._limiter.concurrency(
                self._lane, self._process, held=held, wanted=wanted, most=self._most
            )
        except (RedisError, OSError) as error:
            log.warning("No concurrency slots on %s: Redis failed (%s).", self._lane, type(error).__name__)
            return
        self._reported, self._reported_at = held + granted, asyncio.get_running_loop().time()
        self._start(granted)

    def _start(self, many: int) -> None:
        while many and self._waiting:
            if not (future := self._waiting.popleft()).done():
                future.set_result(True)
                self._held, many = self._held + 1, many - 1
