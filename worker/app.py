"""The worker process: Celery receives wake-ups, one event loop does the work (`celery -A worker.app worker`)."""

import logging

from celery import Celery, signals

from vision.errors import ConfigurationError
from vision.jobs.wake_ups import application, broadcast_queue
from vision.provider.catalogue import configured
from vision.settings import Settings
from worker import tasks
from worker.process import bootstep, threads
from worker.process.role import Role
from worker.process.runtime import Runtime


def create(settings: Settings) -> Celery:
    """The Celery application with its tasks, its broadcast queue, and the runtime that does the work."""
    app = application(settings.required_broker_url())
    offered = configured(settings)
    role = Role.of(settings.worker_lanes, settings.worker_phases, offered.lanes)
    runtime = Runtime(settings, offered, role)
    app.conf.task_queues = (broadcast_queue(),)
    # Replaces Celery's default, processes, in which wake-ups would not find the loop.
    app.conf.worker_pool = threads.pool(runtime)
    app.conf.worker_concurrency = threads.count(role.count(offered.lanes))
    app.conf.worker_hijack_root_logger = False
    app.steps["worker"].add(bootstep.step(runtime, app.conf.worker_pool))
    tasks.register(app, runtime)
    # A weak reference would drop the closure at once.
    signals.setup_logging.connect(lambda **_: _log(settings.log_level), weak=False)
    return app


def _log(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    # One line a call would be the whole log; celery.worker says little below warnings that helps anyone.
    for name in ("httpx2", "openai", "kombu", "celery", "amqp"):
        logging.getLogger(name).setLevel(logging.WARNING)


try:
    app = create(Settings())
except ConfigurationError as error:
    raise SystemExit(f"The worker cannot start: {error.message}") from None
