"""Whether this process keeps up with its work, by how late its event loop runs."""

import asyncio

LOOK_SECONDS = 0.1
LATE_SECONDS = 0.1
"""Above this, calls would start late and answers be stored late: nothing is claimed until the lag is smaller."""


class LoopLag:
    """By how many seconds the event loop is late."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @property
    def high(self) -> bool:
        """Whether nothing more should be claimed now."""
        return self.seconds > LATE_SECONDS

    async def keep(self) -> None:
        """Run for the life of the process."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.seconds = loop.time() - due
