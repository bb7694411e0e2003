"""Limits how many requests may wait, and how many run at once."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from local import MODEL
from local.errors import WireError

T = TypeVar("T")
_WEIGHT = 0.1  # of the latest call in the moving average of durations


class Gate:
    """Admits up to `max_requests` requests of together `max_bytes`; computes `threads` of them at once."""

    def __init__(self, *, threads: int, max_requests: int, max_bytes: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="local")
        self._turns = asyncio.Semaphore(threads)
        self._threads, self._max_requests, self._max_bytes = threads, max_requests, max_bytes
        self._admitted, self._bytes = 0, 0
        self._seconds = 0.1  # average duration of a call

    @asynccontextmanager
    async def admit(self, size: int) -> AsyncIterator[None]:
        """Admit a request with a body of `size` bytes; WireError 429 if there are too many."""
        if self._admitted >= self._max_requests or self._bytes + size > self._max_bytes:
            raise self._full()
        self._admitted += 1
        self._bytes += size
        try:
            yield
        finally:
            self._admitted -= 1
            self._bytes -= size

    async def run(self, call: Callable[[], T], *, unless: Callable[[], Awaitable[bool]]) -> T:
        """Wait for a turn, then compute in a thread; WireError 499 if the caller has disconnected."""
        async with self._turns:
            if await unless():
                raise WireError("The caller has closed the connection.", "client_closed_request", status=499)
            began = time.monotonic()
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, call)
            finally:
                self._seconds += _WEIGHT * (time.monotonic() - began - self._seconds)

    def close(self) -> None:
        """Let the calls that run finish; start no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _full(self) -> WireError:
        # Until half of the admitted requests are done; after a shorter wait the caller might be refused again.
        wait = max(0.1, self._admitted * self._seconds / self._threads / 2)
        return WireError(
            f"Rate limit reached for {MODEL} on requests in progress: Limit {self._max_requests}, "
            f"Used {self._admitted}, Requested 1. Please try again in {math.ceil(wait * 1000) / 1000:g}s.",
            "rate_limit_exceeded",
            status=429,
            kind="requests",
            retry_after=wait,
        )
