"""Celery's threads pool for this worker: its size, and how its tasks end at a cold shutdown."""

from celery.concurrency.thread import TaskPool

from worker.process.runtime import Runtime

FREE = 2
"""Threads that stay free for wake-ups that end at once."""
MOST = 128


def count(lanes: int) -> int:
    """Threads for a worker of so many lanes: two tasks of each may last long, one that looks, and one that delivers.

    The pool makes a thread when it needs one. With more lanes at work, tasks above MOST end at once.
    """
    return min(2 * lanes + 2, MOST) + FREE


def pool(runtime: Runtime) -> type[TaskPool]:
    """The pool for `worker_pool`. Nobody can end a thread, so tasks let go of their work when the pool must end."""

    class Threads(TaskPool):  # type: ignore[misc] # Celery has no types
        def on_stop(self) -> None:
            runtime.release()
            super().on_stop()

        def terminate_job(self, pid: int, signal: int | None = None) -> None:
            # `revoke(terminate=True)`: a thread cannot be ended, and the work belongs to jobs, not to the task.
            runtime.let_go()

    return Threads
