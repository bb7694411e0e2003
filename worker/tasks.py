"""All Celery tasks. Each carries ids and makes one call; the work is in Postgres, and every call may come twice.

A task lasts as long as the work that its wake-up began in this process, and its result tells what the work did
meanwhile. A wake-up for work that another task shows already ends at once with `{"joined": True}`. Results are not
stored; `task-succeeded` events carry them.
"""

from celery import Celery

from vision.jobs.wake_ups import Task
from worker.process.runtime import Runtime

Result = dict[str, object]


def register(app: Celery, runtime: Runtime) -> None:
    """Put the tasks on the application."""

    @app.task(name=Task.DISPATCH)
    def dispatch(lane: str) -> Result:
        """Items wait for calls on this lane. Ends when the lane has been idle for some seconds.

        `{"lane", "calls", "succeeded", "failed", "input_tokens", "output_tokens"}`: `calls` are the attempts that may
        have cost something; `succeeded` and `failed` are items.
        """
        return {"lane": lane, **_result(runtime.attend(Task.DISPATCH, lane))}

    @app.task(name=Task.MEASURE)
    def measure(lane: str) -> Result:
        """Images of jobs on this lane wait to be measured. `{"lane", "measured", "failed"}`, in items."""
        return {"lane": lane, **_result(runtime.attend(Task.MEASURE, lane))}

    @app.task(name=Task.LOOK)
    def look() -> Result:
        """Jobs were cancelled or paused, or a lane is down or back. `{}`."""
        return _result(runtime.attend(Task.LOOK))

    @app.task(name=Task.DELIVER)
    def deliver() -> Result:
        """Webhook messages are due. `{"attempts", "delivered"}`, in messages."""
        return _result(runtime.attend(Task.DELIVER))


def _result(done: dict[str, int] | None) -> Result:
    return {"joined": True} if done is None else {**done}
