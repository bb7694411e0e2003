"""How a lane's requests are written: as stated, as learned before, or as refusals teach it now.

Until a call was taken, one call at a time is sent on the whole lane: a server that refuses a field refuses few calls. A
refused call costs nothing, no attempt is counted, and the item is sent again as the server wants it.
"""

import asyncio
import logging
from collections.abc import Awaitable
from uuid import UUID

from vision.kinds import Dialect
from vision.provider.call_result import CallResult
from vision.provider.catalogue import Lane
from vision.provider.dialects import Change, Learning
from vision.provider.failures import Then
from vision.storage.queue.dialects import PROBE_SECONDS, Dialects, Learned
from vision.storage.queue.leased_item import LeasedItem
from worker.dispatch.leases import Leases

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
CHIEF = frozenset(("ceiling", "structure", "instructions"))
"""Where all of these are stated, or do not apply, the dialect counts as known from the start."""


class LaneDialect:
    """The dialect of one lane in one process."""

    def __init__(self, lane: Lane, stored: Dialects, leases: Leases) -> None:
        self._learning = Learning(lane)
        self._lane = lane.name
        self._stored = stored
        self._leases = leases
        self._confirmed = not self._learning.learnable
        self._stated = not self._learning.learnable & CHIEF
        self._changed = asyncio.Event()
        self._waiting = 0
        self._asking = False
        self._ask_at = 0.0
        self._holder: UUID | None = None
        self._right_until = 0.0

    @property
    def current(self) -> Dialect:
        """How calls are written now."""
        return self._learning.current

    async def turn(self, item: LeasedItem) -> bool:
        """Until a call was taken, wait for this item's turn to be the only call; False: give it back."""
        self._waiting += 1
        try:
            while not self._confirmed:
                if not self._leases.may_send(item):
                    return False
                if self._alone() and await self._may_probe():
                    self._holder = item.token
                    return True
                await self._look()
            return True
        finally:
            self._waiting -= 1

    async def heard(self, item: LeasedItem, spoken: Dialect, called: CallResult) -> bool:
        """A call has ended. True: it was refused for a field that is written otherwise from now on; send it again."""
        if called.failure is None:
            await self._confirm()
            return False
        change = self._learning.hear(spoken, called)
        if change is None:
            if called.failure.then is Then.NEVER:
                await self._confirm()
            return False
        if not change.known:
            await self._learn(change, called.failure.message)
        return True

    async def ended(self, item: LeasedItem) -> None:
        """This process is done with the item, whatever became of it."""
        if item.token != self._holder:
            return
        if not self._confirmed and not self._waiting:
            self._right_until = 0.0
            await self._try(self._stored.release())
        self._holder = None
        self._wake()

    def _alone(self) -> bool:
        """Whether no other call of this process is under way, and nobody asks for the right or has just done so."""
        if self._holder is not None or self._asking or asyncio.get_running_loop().time() < self._ask_at:
            return False
        self._asking = True
        return True

    async def _look(self) -> None:
        """Wait until the call under way has ended, for a moment at most."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            return

    def _wake(self) -> None:
        self._ask_at = 0.0
        self._changed.set()
        self._changed = asyncio.Event()

    async def _may_probe(self) -> bool:
        """Whether this process may send the next call; takes over what others have learned."""
        loop = asyncio.get_running_loop()
        try:
            known = await self._stored.read()
            self._take_over(known)
            if not self._confirmed and loop.time() >= self._right_until and await self._stored.take():
                self._right_until = loop.time() + PROBE_SECONDS
        except Exception as error:  # noqa: BLE001 - the database may be away for a while
            log.warning("The dialect of %s could not be read (%s).", self._lane, type(error).__name__)
        finally:
            self._asking, self._ask_at = False, loop.time() + LOOK_SECONDS
        return not self._confirmed and loop.time() < self._right_until

    def _take_over(self, known: Learned | None) -> None:
        if known:
            self._learning.take_over(dict(known.settings))
        if self._stated or (known and known.confirmed):
            self._confirmed = True
            self._wake()

    async def _learn(self, change: Change, message: str) -> None:
        self._confirmed = self._stated = False
        setting, value, new, _ = change
        log.warning("%s does not take %s = %r (%s) It gets %r from now on.", self._lane, setting, value, message, new)
        await self._try(self._stored.learn({setting: new}))
        self._right_until = asyncio.get_running_loop().time() + PROBE_SECONDS

    async def _confirm(self) -> None:
        if self._confirmed:
            return
        self._confirmed = True
        self._wake()
        self._learning.accepted()
        await self._try(self._stored.confirm())

    async def _try(self, change: Awaitable[None]) -> None:
        try:
            await change
        except Exception as error:  # noqa: BLE001 - it is learned or confirmed again
            log.warning("The dialect of %s could not be stored (%s).", self._lane, type(error).__name__)
