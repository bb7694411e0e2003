"""The worker process: Celery receives wake-ups, one event loop does the work (`celery -A worker.app worker`)."""

import logging

from celery import Celery, signals

from vision.errors import ConfigurationError
from vision.jobs.wake_ups import application, broadcast_queue
from vision.provider.catalogue import configured
from vision.settings import Settings
from worker import tasks
from worker.runtime import Runtime


def create(settings: Settings) -> Celery:
    """The Celery application with its tasks, its broadcast queue, and the runtime that does the work."""
    app = application(settings.required_broker_url())
    app.conf.task_queues = (broadcast_queue(),)
    # Celery's default, processes, would receive wake-ups in a process without the loop. Replaces `-P prefork`, too.
    app.conf.worker_pool = "threads"
    app.conf.worker_concurrency = 8
    app.conf.worker_hijack_root_logger = False
    app.conf.worker_enable_remote_control = False
    runtime = Runtime(settings, configured(settings))
    tasks.register(app, runtime)
    # Weak references would drop these closures at once.
    signals.worker_ready.connect(lambda **_: runtime.start(), weak=False)
    signals.worker_shutting_down.connect(lambda **_: runtime.stop(), weak=False)
    signals.worker_shutdown.connect(lambda **_: runtime.close(), weak=False)
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
