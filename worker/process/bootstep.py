"""The runtime as a step of Celery's worker: it starts before the broker is reached, and ends before the pool does."""

import gc

from celery import bootsteps, signals
from celery.concurrency.base import BasePool
from celery.exceptions import WorkerShutdown, WorkerTerminate
from celery.platforms import EX_FAILURE, EX_OK
from celery.worker import WorkController

from worker.process.runtime import Runtime
from worker.process.threads import FREE


def step(runtime: Runtime, pool: type[BasePool]) -> type[bootsteps.StartStopStep]:
    """A step for the blueprint of Celery's worker, which must use this pool."""

    class Loop(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types
        requires = ("celery.worker.components:Pool",)

        def __init__(self, worker: WorkController, **options: object) -> None:
            super().__init__(worker, **options)
            if worker.pool_cls is not pool:
                raise SystemExit(
                    "The worker cannot start: its tasks wait for an event loop, which needs Celery's threads pool. "
                    "Leave -P (--pool) out: celery -A worker.app worker"
                )

        def start(self, worker: WorkController) -> None:
            # A weak reference would drop the closure at once.
            signals.worker_shutting_down.connect(lambda how, **_: _stop(runtime, worker, how), weak=False)
            runtime.start(max(0, worker.pool.limit - FREE))
            # Or else a full collection walks over every imported module: 0.15 s in which no call begins.
            gc.freeze()

        def stop(self, worker: WorkController) -> None:
            runtime.close()

        def terminate(self, worker: WorkController) -> None:
            runtime.release()

    return Loop


def _stop(runtime: Runtime, worker: WorkController, how: str) -> None:
    """In the signal handler. Celery sleeps for up to half a minute between two tries to reach the broker."""
    runtime.stop()
    if worker.consumer.connection is None:
        raise WorkerShutdown(EX_OK) if how == "Warm" else WorkerTerminate(EX_FAILURE)
