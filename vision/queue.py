"""The doorbell: wakes every worker, carries ids only, may be lost. Postgres is the record.

Every bell rings in every worker process (a fanout exchange). What it announces is claimed in Postgres, so a bell too
many does nothing, and a bell that gets lost costs the few seconds until the sweep rings again.
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
"""Bells that wait for a broker."""
CLOSE_SECONDS = 1.0

BELLS = Exchange("tessera.bells", type="fanout", durable=False)


def ears() -> Broadcast:
    """A queue of one's own that hears every bell."""
    return Broadcast(BELLS.name, exchange=BELLS, unique=True, routing_key=BELLS.name)


class Task(StrEnum):
    """Every task, by the name that it is rung with."""

    DISPATCH = "tessera.dispatch"
    MEASURE = "tessera.measure"
    LOOK = "tessera.look"
    DELIVER = "tessera.deliver"


def application(broker_url: str) -> Celery:
    """The Celery application as both ends know it: where the bells hang, not what they do."""
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


class Bell:
    """Rings by task name; never raises and never waits: a lost bell costs seconds, a request that hangs a customer.

    Bells are rung by a thread of their own, so that a broker which does not answer holds up nobody else. What is to be
    rung already is not rung twice, and what is too much is left to the sweep.
    """

    def __init__(self, broker_url: str) -> None:
        self._app = application(broker_url)
        self._waiting: dict[tuple[Task, tuple[str, ...]], None] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._closed = False

    async def ring(self, task: Task, *args: str) -> None:
        """Wake the workers; call it after the commit. Returns at once."""
        with self._changed:
            if self._closed or len(self._waiting) >= MOST_WAITING:
                return
            self._waiting[task, args] = None
            if self._thread is None:
                self._thread = Thread(target=self._run, name="tessera-bell", daemon=True)
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
            self._app.send_task(task, args=args, exchange=BELLS, routing_key=BELLS.name, declare=[BELLS])
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the sweep rings again
            log.warning("The bell %s could not be rung (%s); the sweep will.", task, type(error).__name__)

    async def close(self) -> None:
        """Ring what waits, if that is quickly done, and close the connections to the broker."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is None:
            self._app.close()
        else:
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)
            with self._changed:
                self._waiting.clear()
