"""A limit on the bytes of images that one process keeps in memory."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

GUESS = 512 * 1024
"""What an image counts for until it is loaded and its size known."""


class Share:
    """One item's part of the budget."""

    def __init__(self, budget: "MemoryBudget") -> None:
        self._budget = budget
        self.size = GUESS

    def holds(self, size: int) -> None:
        """The item's images take up so many bytes."""
        self._budget.change(self.size - size)
        self.size = size


class MemoryBudget:
    """Admits items while bytes are free, in order. One that is larger than the whole budget is admitted alone."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def share(self) -> AsyncIterator[Share]:
        """Wait until bytes are free, and keep a share until the end of the block."""
        if self._free <= 0 or self._waiting:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        else:
            self._free -= GUESS
        share = Share(self)
        try:
            yield share
        finally:
            self.change(share.size)

    def change(self, freed: int) -> None:
        """So many bytes are free again (or, negative, taken)."""
        self._free += freed
        while self._waiting and self._free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                self._free -= GUESS
                turn.set_result(None)
