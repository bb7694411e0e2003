"""The ways to carry out the calls of a lane. To add one, write its module and put it here."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from vision.provider.catalogue import Lane
from worker.dispatch.dispatcher import direct
from worker.dispatch.process_context import ProcessContext


class Executor(Protocol):
    """Claims the items of one lane in one process, and puts what became of them into the recorder."""

    totals: Counter[str]
    """Since this process started: `calls`, `succeeded`, `failed`, `input_tokens`, `output_tokens`."""

    async def run(self) -> None:
        """Work until the lane has been idle for some seconds; the next wake-up starts it again."""

    def wake(self) -> None:
        """There may be work: look at once."""

    def look(self) -> None:
        """Something was written down, which may free capacity for more."""

    def hear(self, seconds: float | None, asked_at: float) -> None:
        """The database was asked at `asked_at`: seconds until a lane that is down is probed; None if it is up.

        Which jobs are stopped is known by then, too.
        """

    def give_back(self) -> None:
        """This process stops: what is claimed and not sent is released."""

    async def drain(self) -> None:
        """Wait until everybody outside has been told of what was done."""


Make = Callable[[ProcessContext, Lane], Executor]

EXECUTORS: Mapping[str, Make] = {"direct": direct}
