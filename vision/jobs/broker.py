"""Whether Celery's broker can be reached."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from vision.jobs.wake_ups import application

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""How long a result stays valid; the broker is checked no more often."""
WAIT_SECONDS = 1.0
"""A broker that takes longer counts as unreachable."""
CONNECT_SECONDS = 2.0


class BrokerCheck:
    """Connects on demand in its own thread, so that a broker that hangs delays nothing else."""

    def __init__(self, broker_url: str) -> None:
        self._app = application(broker_url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tessera-broker")
        self._asked_at = float("-inf")
        self._answer: asyncio.Future[bool] | None = None

    async def is_reachable(self) -> bool:
        """Whether it answered within a second, at most five seconds ago. Never raises."""
        if self._answer is None or (self._answer.done() and time.monotonic() - self._asked_at > FRESH_SECONDS):
            self._asked_at = time.monotonic()
            self._answer = asyncio.get_running_loop().run_in_executor(self._thread, self._reach)
        done, _ = await asyncio.wait([self._answer], timeout=WAIT_SECONDS)
        return bool(done) and self._answer.result()

    def close(self) -> None:
        """Stop checking; a check that runs is not awaited."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._app.close()

    def _reach(self) -> bool:
        try:
            with self._app.connection_for_write(connect_timeout=CONNECT_SECONDS) as connection:
                connection.connect()
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises
            log.debug("The broker cannot be reached (%s).", type(error).__name__)
            return False
        return True
