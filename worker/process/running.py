"""Work under way on the loop: at most one for each task and lane, and the Celery tasks that wait for its end."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Protocol

from vision.jobs.wake_ups import Task

Key = tuple[Task, str]


class Wakeable(Protocol):
    """Looks for more work at once when it is woken under way; counts what it does."""

    totals: Counter[str]

    def wake(self) -> None: ...


class Running:
    """Begins work, wakes it under way, and lets Celery tasks wait for its end."""

    def __init__(
        self,
        begin: Callable[[Task, str], Coroutine[object, object, None]],
        awake: Callable[[Task, str], Wakeable | None],
    ) -> None:
        self._begin = begin
        self._awake = awake
        self._work: dict[Key, asyncio.Task[None]] = {}
        self._again: set[Key] = set()
        self._ends: dict[Key, asyncio.Future[None]] = {}

    def wake(self, task: Task, lane: str) -> None:
        """Begin this work, or let it look again if it is under way."""
        key = (task, lane)
        if key not in self._work:
            self._work[key] = asyncio.get_running_loop().create_task(self._begin(task, lane))
            self._work[key].add_done_callback(lambda _: self._finished(key))
        elif (worker := self._awake(task, lane)) and not self._work[key].done():
            worker.wake()
        else:
            self._again.add(key)

    def lanes(self, task: Task) -> int:
        """On how many lanes this is under way."""
        return sum(kind == task for kind, _ in self._work)

    def unattended(self) -> list[Key]:
        """Work under way for whose end no Celery task waits."""
        return [key for key in self._work if key not in self._ends]

    async def attend(self, task: Task, lane: str) -> bool:
        """Wait until this work ends, or `release`; False at once if another task waits for it already."""
        key = (task, lane)
        if key in self._ends:
            return False
        if key in self._work:
            self._ends[key] = asyncio.get_running_loop().create_future()
            try:
                await self._ends[key]
            finally:
                del self._ends[key]
        return True

    async def wait(self, seconds: float, *, but: Task) -> None:
        """Wait for what is under way, except one kind of it, for so long at most."""
        work = [work for (kind, _), work in self._work.items() if kind != but]
        if work:
            await asyncio.wait(work, timeout=seconds)

    async def cancel(self) -> None:
        """End what is still under way, and release who waits for it."""
        work = list(self._work.values())
        for one in work:
            one.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        self.release()

    def release(self) -> None:
        """Let every Celery task that waits return; the work itself goes on."""
        for end in self._ends.values():
            _resolve(end)

    def _finished(self, key: Key) -> None:
        del self._work[key]
        if key in self._again:
            self._again.discard(key)
            self.wake(*key)
        elif key in self._ends:
            _resolve(self._ends[key])


def _resolve(end: asyncio.Future[None]) -> None:
    if not end.done():
        end.set_result(None)
