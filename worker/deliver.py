"""Sends webhook messages that are due, records each attempt, and schedules the next."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import aiohttp
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.jobs import ids
from vision.outbound import webhooks
from vision.outbound.guard import Blocked, Guard
from vision.storage import deliveries
from vision.storage.deliveries import Due

log = logging.getLogger(__name__)

AT_ONCE = 256
"""Messages at a time, so that receivers that hang delay no others."""
PER_HOST = 4
"""Messages at a time to one host, so that one receiver cannot take all."""
TIMEOUT_SECONDS = 15.0
LOOK_SECONDS = 1.0
GONE = 410


class Deliverer:
    """Sends the webhook messages of all tenants in one process."""

    def __init__(self, engine: AsyncEngine, guard: Guard) -> None:
        self._engine = engine
        self._guard = guard
        self.totals = Counter(attempts=0, delivered=0)
        """Since this process started: messages that were sent, and messages that their receivers accepted."""
        self._busy: Counter[str] = Counter()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something may be due: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until nothing is due. Idempotent for receivers: a message keeps its `webhook-id`."""
        self._woken.set()
        while self._woken.is_set():
            tasks: set[asyncio.Task[None]] = set()
            async with self._session() as session:
                try:
                    await self._run(session, tasks)
                finally:
                    for task in tasks:
                        task.cancel()

    async def _run(self, session: aiohttp.ClientSession, tasks: set[asyncio.Task[None]]) -> None:
        while True:
            self._woken.clear()
            due = await self._claim(AT_ONCE - len(tasks))
            for one in due:
                self._begin(session, one, tasks)
            if len(due) > 1:
                continue
            if not tasks:
                return
            await self._wait()

    async def _claim(self, want: int) -> Sequence[Due]:
        try:
            return await deliveries.claim(self._engine, want, self._busy, PER_HOST)
        except Exception as error:  # noqa: BLE001 - the database may be away for a while; the sweep begins this again
            log.warning("No webhook messages could be claimed (%s); trying again.", type(error).__name__)
            return []

    def _begin(self, session: aiohttp.ClientSession, due: Due, tasks: set[asyncio.Task[None]]) -> None:
        self._busy[due.host] += 1
        task = asyncio.get_running_loop().create_task(self._deliver(session, due))
        tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            self._busy[due.host] -= 1
            self._busy += Counter()  # without those that have none
            self._woken.set()

        task.add_done_callback(ended)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return

    def _session(self) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=5.0)
        return aiohttp.ClientSession(
            connector=self._guard.connector(force_close=True, limit=0), timeout=timeout, trust_env=False
        )

    async def _deliver(self, session: aiohttp.ClientSession, due: Due) -> None:
        try:
            await self._attempt(session, due)
        except Exception:
            # Due again when its lease has run out; the others go on.
            log.exception("Webhook of event %s could not be sent.", ids.public("evt", due.event_id))

    async def _attempt(self, session: aiohttp.ClientSession, due: Due) -> None:
        started = time.monotonic()
        status, error = await self._post(session, due)
        self.totals.update(attempts=1, delivered=error is None)
        gone = status == GONE
        wait = None if error is None or gone else webhooks.next_attempt(due.attempts)
        await deliveries.record(
            self._engine,
            due,
            status=status,
            error=error,
            duration_ms=round((time.monotonic() - started) * 1000),
            wait=wait,
        )
        if error is not None:
            log.warning("Webhook of event %s: %s; %s.", ids.public("evt", due.event_id), error, _next(wait))

    async def _post(self, session: aiohttp.ClientSession, due: Due) -> tuple[int | None, str | None]:
        """Status and error; only a 2xx is no error."""
        event_id = ids.public("evt", due.event_id)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Tessera/0.1 (webhooks)",
            **webhooks.sign(due.secret, event_id, int(time.time()), due.body),
        }
        try:
            url = self._guard.check(due.url)
            async with session.post(url, data=due.body, headers=headers, allow_redirects=False) as response:
                ok = 200 <= response.status < 300
                return response.status, None if ok else f"answered {response.status}"
        except Blocked:
            return None, "the address is not allowed"
        except TimeoutError:
            return None, f"no answer within {TIMEOUT_SECONDS:.0f} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return None, f"not reachable ({type(error).__name__})"


def _next(wait: timedelta | None) -> str:
    return "given up" if wait is None else f"again in {wait.total_seconds():.0f} s"
