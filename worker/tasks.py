"""All Celery tasks. Each carries ids and makes one call; the work is in Postgres, and every call may come twice."""

from celery import Celery

from vision.jobs.wake_ups import Task
from worker.runtime import Runtime


def register(app: Celery, runtime: Runtime) -> None:
    """Put the tasks on the application."""

    @app.task(name=Task.DISPATCH)
    def dispatch(lane: str) -> None:
        """Items wait for calls on this lane."""
        runtime.wake(Task.DISPATCH, lane)

    @app.task(name=Task.MEASURE)
    def measure(lane: str) -> None:
        """Images of jobs on this lane wait to be measured."""
        runtime.wake(Task.MEASURE, lane)

    @app.task(name=Task.LOOK)
    def look() -> None:
        """Jobs were cancelled or paused, or a lane is down or back."""
        runtime.wake(Task.LOOK)

    @app.task(name=Task.DELIVER)
    def deliver() -> None:
        """Webhook messages are due."""
        runtime.wake(Task.DELIVER)
