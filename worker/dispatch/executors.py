"""The executors: ways to carry out the calls of a lane. To add one, write its module and put it here."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from vision.provider.catalogue import Lane
from worker.dispatch.dispatcher import direct
from worker.dispatch.process_context import ProcessContext


class Executor(Protocol):
    """Claims the items of one lane in one process, and puts their outcomes into the recorder."""

    totals: Counter[str]
    """Since this process started: `calls`, `succeeded`, `failed`, `input_tokens`, `output_tokens`."""

    async def run(self) -> None:
        """Work until the lane has been idle for some seconds; the next wake-up starts it again."""

    def wake(self) -> None:
        """There may be work: look at once."""

    def look(self) -> None:
        """Outcomes were recorded, which may free capacity for more items."""

    def hear(self, seconds: float | None, asked_at: float) -> None:
        """Take over the lane's state in Postgres at `asked_at`: seconds until it is probed; None if it is up.

        The leases know by then which jobs are stopped.
        """

    def give_back(self) -> None:
        """Release what is claimed and not sent: this process stops."""

    async def drain(self) -> None:
        """Wait until nothing is left to report, for instance to the limiter."""


MakeExecutor = Callable[[ProcessContext, Lane], Executor]

EXECUTORS: Mapping[str, MakeExecutor] = {"direct": direct}
