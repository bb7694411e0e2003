"""Send webhook messages that are due; record each attempt; decide the next."""

import asyncio
import logging
import time
from datetime import timedelta

import aiohttp
from sqlalchemy.ext.asyncio import AsyncEngine

from vision import ids, webhooks
from vision.images.guard import Blocked, Guard
from vision.storage import deliveries
from vision.storage.deliveries import Due

log = logging.getLogger(__name__)

AT_ONCE = 8
TIMEOUT_SECONDS = 15.0
GONE = 410


class Deliverer:
    """Webhook messages of all tenants in one process."""

    def __init__(self, engine: AsyncEngine, guard: Guard) -> None:
        self._engine = engine
        self._guard = guard

    async def run(self) -> None:
        """Deliver until nothing is due. Idempotent for receivers: a message keeps its `webhook-id`."""
        async with self._session() as session:
            while due := await deliveries.claim(self._engine, AT_ONCE):
                await asyncio.gather(*[self._deliver(session, one) for one in due])

    def _session(self) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=5.0)
        return aiohttp.ClientSession(
            connector=self._guard.connector(force_close=True), timeout=timeout, trust_env=False
        )

    async def _deliver(self, session: aiohttp.ClientSession, due: Due) -> None:
        started = time.monotonic()
        status, error = await self._post(session, due)
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
        except aiohttp.ClientError as error:
            return None, f"not reachable ({type(error).__name__})"


def _next(wait: timedelta | None) -> str:
    return "given up" if wait is None else f"again in {wait.total_seconds():.0f} s"
