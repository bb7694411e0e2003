"""How many bytes of images may be in hand in one process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

GUESS = 512 * 1024
"""What an image counts for until it is loaded and its size known."""


class Place:
    """One item's share of the room."""

    def __init__(self, room: "Room") -> None:
        self._room = room
        self.size = GUESS

    def holds(self, size: int) -> None:
        """The item's images take up so many bytes."""
        self._room.change(self.size - size)
        self.size = size


class Room:
    """Lets items in while there is room, first come, first served; one larger than all the room goes in alone."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Wait until there is room, and keep it until the end of the block."""
        if self._free <= 0 or self._waiting:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        else:
            self._free -= GUESS
        place = Place(self)
        try:
            yield place
        finally:
            self.change(place.size)

    def change(self, freed: int) -> None:
        """So many bytes are free again (or, negative, taken)."""
        self._free += freed
        while self._waiting and self._free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                self._free -= GUESS
                turn.set_result(None)
