"""Wake-ups: Celery messages that tell every worker process to look for work in Postgres.

They go to a broadcast queue of each process (a fanout exchange) and carry ids only. The work itself is claimed in
Postgres, so one wake-up too many does nothing, and a lost one delays the work until the next sweep, a few seconds.
"""

import asyncio
import logging
from enum import StrEnum
from threading import Condition, Thread

from celery import Celery
from kombu import Exchange
from kombu.common import Broadcast

log = logging.getLogger(__name__)

MOST_WAITING = 1_000
"""Wake-ups that wait for the broker, at most."""
CLOSE_SECONDS = 1.0

WAKE_UPS = Exchange("tessera.wake-ups", type="fanout", durable=False)


def broadcast_queue() -> Broadcast:
    """A queue of this process alone that receives every wake-up."""
    return Broadcast(WAKE_UPS.name, exchange=WAKE_UPS, unique=True, routing_key=WAKE_UPS.name)


class Task(StrEnum):
    """The names of all tasks."""

    DISPATCH = "tessera.dispatch"
    MEASURE = "tessera.measure"
    LOOK = "tessera.look"
    DELIVER = "tessera.deliver"


def application(broker_url: str) -> Celery:
    """The Celery application as sender and worker share it: broker and serialisation, without the tasks."""
    app = Celery("tessera", broker=broker_url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_create_missing_queues=False,
        task_publish_retry=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(broker_url),
        event_queue_expires=60,
    )
    return app


def _transport_options(broker_url: str) -> dict[str, object]:
    if not broker_url.startswith(("redis", "valkey", "unix")):
        return {}
    # Without a socket timeout a publisher hangs for ever on a Redis that accepts and does not answer.
    return {
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "global_keyprefix": "tessera:",
        "fanout_prefix": True,
        "fanout_patterns": True,
    }


class WakeUps:
    """Sends wake-ups; never raises, never blocks: a lost wake-up only delays work until the next sweep.

    Its own thread sends them, so that a broker that does not answer delays nothing else. A wake-up that waits is not
    added twice; above MOST_WAITING they are dropped, and the sweep finds the work.
    """

    def __init__(self, broker_url: str) -> None:
        self._app = application(broker_url)
        self._waiting: dict[tuple[Task, tuple[str, ...]], None] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._closed = False
        self._away = False

    async def notify(self, task: Task, *args: str) -> None:
        """Wake the workers; call it after the commit. Returns at once."""
        with self._changed:
            if self._closed or len(self._waiting) >= MOST_WAITING:
                return
            self._waiting[task, args] = None
            if self._thread is None:
                self._thread = Thread(target=self._run, name="tessera-wake-ups", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    break
                task, args = next(iter(self._waiting))
                del self._waiting[task, args]
            self._publish(task, args)
        self._app.close()

    def _publish(self, task: Task, args: tuple[str, ...]) -> None:
        try:
            # With an empty routing key Celery would send to its default queue, which nobody reads.
            self._app.send_task(task, args=args, exchange=WAKE_UPS, routing_key=WAKE_UPS.name, declare=[WAKE_UPS])
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the next sweep finds the work
            if not self._away:
                log.warning("Wake-ups cannot be sent (%s); the next sweep makes up for them.", type(error).__name__)
            self._away = True
        else:
            self._away = False

    async def close(self) -> None:
        """Send what waits, for at most CLOSE_SECONDS, and close the connections to the broker."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is None:
            self._app.close()
        else:
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)
            with self._changed:
                self._waiting.clear()
