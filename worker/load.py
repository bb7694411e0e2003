"""Whether this process keeps up with what it has in hand."""

import asyncio

LOOK_SECONDS = 0.1
LATE_SECONDS = 0.1
"""With more than this, calls would start and answers be written late: nothing is claimed until it is less."""


class Load:
    """How late the event loop does what is due."""

    def __init__(self) -> None:
        self.late = 0.0

    @property
    def heavy(self) -> bool:
        """No more, for now."""
        return self.late > LATE_SECONDS

    async def keep(self) -> None:
        """Run for the life of the process."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.late = loop.time() - due
