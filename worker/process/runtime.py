"""One event loop on its own thread in each worker process, and the calls into it from Celery's threads."""

import asyncio
import threading
from collections.abc import Coroutine

from vision.jobs.wake_ups import Task
from vision.provider.catalogue import Catalogue
from vision.settings import Settings
from worker.process.role import Role
from worker.work import Work


class Runtime:
    """Wake-ups arrive on Celery's threads; everything else happens on the loop."""

    def __init__(self, settings: Settings, offered: Catalogue, role: Role | None = None) -> None:
        self._settings = settings
        self._offered = offered
        self._role = role
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._places = threading.Semaphore(0)
        self._work: Work | None = None

    def start(self, places: int) -> None:
        """Make the loop and everything on it, once. `places`: how many threads may wait for work."""
        with self._lock:
            if self._loop is not None:
                return
            self._places = threading.Semaphore(places)
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="tessera-loop", daemon=True)
            self._thread.start()
            self._run(self._open())

    def attend(self, task: Task, lane: str = "") -> dict[str, int] | None:
        """A wake-up arrived: wait for the end of what it begins, and tell what that did.

        None at once where another thread waits for it already, too many threads wait, or this process stops.
        """
        with self._lock:
            if self._loop is None or self._work is None or self._stopping.is_set():
                return None
            if not self._places.acquire(blocking=False):
                self._loop.call_soon_threadsafe(self._work.wake, task, lane)
                return None
            attended = asyncio.run_coroutine_threadsafe(self._work.attend(task, lane), self._loop)
        try:
            return attended.result()
        finally:
            self._places.release()

    def stop(self) -> None:
        """Claim nothing more. Safe in a signal handler."""
        self._stopping.set()

    def release(self) -> None:
        """Claim nothing more, and let the threads that wait return; what is in flight is left to its lease."""
        self.stop()
        self.let_go()

    def let_go(self) -> None:
        """Let the threads that wait return; the work that they wait for goes on."""
        if self._loop is not None and self._work is not None:
            self._loop.call_soon_threadsafe(self._work.release)

    def close(self) -> None:
        """Finish what is in flight, write it down, close everything."""
        self.stop()
        with self._lock:
            if self._loop is None or self._thread is None:
                return
            self._run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()
            self._loop = None

    def _run(self, coroutine: Coroutine[object, object, None]) -> None:
        assert self._loop is not None  # noqa: S101 - only called with a loop
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _open(self) -> None:
        self._work = Work(self._settings, self._offered, self._stopping.is_set, role=self._role)
        await self._work.open()

    async def _close(self) -> None:
        if self._work is not None:
            await self._work.close()
