"""The calls of one process that wait for their start on one lane."""

import asyncio
import heapq
from itertools import count

from vision.limiter import Demand, Schedule, Slot
from vision.storage.queue.leased_item import LeasedItem

LARGE_SECONDS = 2.0
"""A call of more than so many seconds of refill is large: smaller ones may start out of turn while it waits."""

BOUND_SECONDS = 0.3
"""A call was held back by the schedule if it waited at least this long, and started within this time of its slot.

By then the calls of a burst that were sent before it have arrived.
"""


class Ticket:
    """A call's slot in the schedule, and the tokens reserved for it (`mode` and `factor`: how they were counted).

    `fits`: whether it has a slot. `starts`: it may start (True) or is given up (False). `begun`: when it was sent (loop
    time; None: not sent), `bound`: which buckets held it back until then, `filled`: the schedule's at that moment.
    `in_flight`: it holds one of the lane's concurrency slots; `turn`: it waits for one. `owner`: the item to call for.
    """

    __slots__ = (
        "begun",
        "bound",
        "demand",
        "factor",
        "filled",
        "fits",
        "frame",
        "in_flight",
        "mode",
        "owner",
        "placed",
        "slot",
        "starts",
        "tokens",
        "turn",
    )

    def __init__(self, demand: Demand, owner: LeasedItem | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.demand = demand
        self.owner = owner
        self.fits: asyncio.Future[bool] = loop.create_future()
        self.starts: asyncio.Future[bool] = loop.create_future()
        self.slot: Slot = ()
        self.tokens = 0
        self.factor = 1.0
        self.frame = self.mode = ""
        self.begun: float | None = None
        self.placed = 0.0
        self.bound: tuple[bool, ...] = ()
        self.filled = 0.0
        self.in_flight = False
        self.turn: asyncio.Future[bool] | None = None

    def give_up(self) -> None:
        """Stop waiting; it will not start."""
        if not self.starts.done():
            self.starts.set_result(False)
        if not self.fits.done():
            self.fits.set_result(True)
        if self.turn and not self.turn.done():
            self.turn.set_result(False)

    def take(self, schedule: Schedule, slot: Slot | None, tokens: int) -> bool:
        """Set its slot (None: larger than a bucket). Returns whether it has one and is still wanted."""
        self.frame, self.mode, self.factor, self.slot, self.tokens = (
            schedule.frame,
            schedule.mode,
            schedule.factor,
            slot or (),
            tokens,
        )
        if not self.fits.done():
            self.fits.set_result(slot is not None)
        elif slot is None and not self.starts.done():
            self.starts.set_result(False)
        return slot is not None and not self.starts.done()


class Waiting:
    """Starts each call when the schedule has reached its slot. Every answer of Redis updates the schedule."""

    def __init__(self) -> None:
        self.schedule: Schedule | None = None
        self.begun: Slot = ()
        """The last slot that was begun."""
        self._heard = self._paused = 0.0
        self._heap: list[tuple[float, int, Ticket]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._last: Ticket | None = None
        self._large: list[Ticket] = []
        self._given_up = False

    def __len__(self) -> int:
        return len(self._heap)

    def hear(self, schedule: Schedule) -> list[Ticket]:
        """Update the schedule. Returns the calls whose slots belong to an earlier frame: reserve them again."""
        lost: list[Ticket] = []
        if self.schedule and self.schedule.frame != schedule.frame:
            lost = [ticket for _, _, ticket in sorted(self._heap, key=lambda each: each[:2])]
            self._heap, self._large, self._last, self.begun = [], [], None, ()
        self.schedule, self._heard = schedule, asyncio.get_running_loop().time()
        self._look()
        return lost

    @property
    def rates(self) -> tuple[float, ...]:
        """Tokens and requests a second, by the latest schedule."""
        return self.schedule.rates[:2] if self.schedule else ()

    def pause(self, seconds: float) -> None:
        """Start no call for so many seconds, even if Redis cannot be reached."""
        self._paused = max(self._paused, asyncio.get_running_loop().time() + seconds)

    def shared(self) -> None:
        """Redis knows of the pause: from now on the schedule contains it."""
        self._paused = 0.0

    def add(self, tickets: list[Ticket]) -> None:
        """Add calls, with their slots in the latest schedule."""
        now = asyncio.get_running_loop().time()
        for ticket in tickets:
            ticket.placed = now
            heapq.heappush(self._heap, (ticket.slot[0], next(self._numbers), ticket))
            if self.rates and ticket.tokens > LARGE_SECONDS * self.rates[0]:
                self._large = [*(each for each in self._large if not each.starts.done()), ticket]
            elif not self._last or ticket.slot > self._last.slot:
                self._last = ticket
        if self._given_up:
            self.give_up()
        self._look()

    def horizon(self) -> float:
        """When the last call may start (loop time), without the last large one: smaller calls may go before it."""
        last = [ticket for ticket in (self._last, *self._large[:-1]) if ticket and not ticket.starts.done()]
        return max(map(self._start, last), default=0.0)

    def send(self, ticket: Ticket) -> None:
        """Note that the call is sent now."""
        ticket.begun = asyncio.get_running_loop().time()
        if self.schedule and self.schedule.frame == ticket.frame:
            late = zip(self.schedule.slack(ticket.slot, self.heard_ago()), self.schedule.rates, strict=True)
            waited = ticket.begun - ticket.placed >= BOUND_SECONDS
            ticket.bound = tuple(waited and slack < BOUND_SECONDS * rate for slack, rate in late)
            ticket.filled = self.schedule.filled

    def heard_ago(self) -> float:
        """Seconds since the schedule was read."""
        return asyncio.get_running_loop().time() - self._heard

    def give_up(self) -> None:
        """Give up all calls, also those added later."""
        self._given_up = True
        for _, _, ticket in self._heap:
            if not ticket.starts.done():
                ticket.starts.set_result(False)
        self._heap.clear()

    def forget(self) -> None:
        """Remove calls that were given up."""
        self._heap = [each for each in self._heap if not each[2].starts.done()]
        heapq.heapify(self._heap)
        self._look()

    def ahead(self, ticket: Ticket) -> float:
        """Seconds until the call may start, by the latest schedule; 0 once it may."""
        return 0.0 if ticket.starts.done() else max(0.0, self._start(ticket) - asyncio.get_running_loop().time())

    def _start(self, ticket: Ticket) -> float:
        wait = self.schedule.wait(ticket.slot) if self.schedule else 0.0
        return max(self._heard + wait, self._paused)

    def _held(self, ticket: Ticket) -> bool:
        return self.schedule is not None and ticket.slot[0] - ticket.tokens > self.schedule.hold

    def _look(self) -> None:
        """Start the calls that may, and set a timer for the next one."""
        loop = asyncio.get_running_loop()
        while self._heap and not self._held(self._heap[0][2]) and self._start(self._heap[0][2]) <= loop.time():
            self._begin(heapq.heappop(self._heap)[2])
        if self._timer:
            self._timer.cancel()
        # A call held back by slow start is looked at again with the next schedule.
        first = self._heap[0][2] if self._heap else None
        self._timer = loop.call_at(self._start(first), self._look) if first and not self._held(first) else None

    def _begin(self, ticket: Ticket) -> None:
        if ticket.starts.done():
            return
        if not self.begun or ticket.slot > self.begun:
            self.begun = ticket.slot
        ticket.starts.set_result(True)
