"""An event loop whose time jumps to the next timer as soon as nobody waits for the world outside."""

import asyncio
import selectors
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = 10.0
"""Real seconds after which an answer from outside will not come any more."""


class _Selector(selectors.DefaultSelector):
    """Waits for sockets only while something outside is asked; otherwise the time passes at once."""

    passed = 0.0
    outside = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.outside:
            events = super().select(PATIENCE if timeout != 0 else 0)
            assert events or timeout == 0, "Nothing came from outside."
            return events
        events = super().select(0)
        if not events:
            assert timeout is not None, "Everybody waits, and nothing will happen."
            self.passed += max(0.0, timeout)
        return events


class SimulatedLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and stands still while anything is computed or asked outside."""

    def __init__(self) -> None:
        self._world = _Selector()
        super().__init__(self._world)
        self._turn = asyncio.Lock()

    def time(self) -> float:
        return self._world.passed

    async def ask(self, question: Awaitable[T], seconds: float = 0.0) -> T:
        """Await something that real sockets answer; it takes so many seconds of simulated time.

        One question at a time, so that the order of answers is always the same.
        """
        async with self._turn:
            self._world.outside += 1
            try:
                answer = await question
            finally:
                self._world.outside -= 1
        await asyncio.sleep(seconds)
        return answer


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)
