"""The calls of one process that wait for their start on one lane."""

import asyncio
import heapq
from itertools import count

from vision.limiter import Demand, Schedule, Slot
from vision.storage.queue.leased_item import LeasedItem

LARGE_SECONDS = 2.0
"""A call that takes more than so many seconds of the refill is large: others may be claimed while one such waits."""

BOUND_SECONDS = 0.3
"""The schedule held a call back if it waited so long, and started no later than this after it could.

Calls of a burst that were sent before it have arrived by then.
"""


class Ticket:
    """A call's slot in the schedule, and the tokens reserved for it (`mode` and `factor`: how they were counted).

    `fits`: whether it has a slot. `starts`: that it may start (True) or is given up (False). `begun`: when it was sent
    (loop time; None: it was not), `bound`: which buckets held it back until then, and `filled`: the schedule's, then.
    `flying`: it takes one of the lane's slots in flight, `turn`: it waits for one. `owner`: whose call it is.
    """

    __slots__ = (
        "begun",
        "bound",
        "demand",
        "factor",
        "filled",
        "fits",
        "flying",
        "frame",
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
        self.flying = False
        self.turn: asyncio.Future[bool] | None = None

    def give_up(self) -> None:
        """It will not start, wherever it waits."""
        if not self.starts.done():
            self.starts.set_result(False)
        if not self.fits.done():
            self.fits.set_result(True)
        if self.turn and not self.turn.done():
            self.turn.set_result(False)

    def take(self, schedule: Schedule, slot: Slot | None, tokens: int) -> bool:
        """Its slot, or that there is none for it; whether there is, and somebody still waits for it."""
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
    """Starts each call when the schedule has reached its slot; every answer of Redis moves the schedule."""

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
        """Take over the schedule. Returns the calls whose slots were lost with an earlier frame: reserve them again."""
        lost: list[Ticket] = []
        if self.schedule and self.schedule.frame != schedule.frame:
            lost = [ticket for _, _, ticket in sorted(self._heap, key=lambda each: each[:2])]
            self._heap, self._large, self._last, self.begun = [], [], None, ()
        self.schedule, self._heard = schedule, asyncio.get_running_loop().time()
        self._look()
        return lost

    @property
    def rates(self) -> tuple[float, ...]:
        """Tokens and requests a second, as last heard."""
        return self.schedule.rates[:2] if self.schedule else ()

    def pause(self, seconds: float) -> None:
        """Nobody starts for so long, whether Redis hears of it or not."""
        self._paused = max(self._paused, asyncio.get_running_loop().time() + seconds)

    def shared(self) -> None:
        """Redis knows of the pause: from now on the schedule tells of it, and of its end."""
        self._paused = 0.0

    def add(self, tickets: list[Ticket]) -> None:
        """More calls, with their slots in the schedule that was read last."""
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
        """When the last may start (loop time). The last large one does not count: smaller ones fill its gap."""
        last = [ticket for ticket in (self._last, *self._large[:-1]) if ticket and not ticket.starts.done()]
        return max(map(self._start, last), default=0.0)

    def send(self, ticket: Ticket) -> None:
        """It is sent now."""
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
        """None of these will start, nor any that comes."""
        self._given_up = True
        for _, _, ticket in self._heap:
            if not ticket.starts.done():
                ticket.starts.set_result(False)
        self._heap.clear()

    def forget(self) -> None:
        """Those that were given up wait no longer."""
        self._heap = [each for each in self._heap if not each[2].starts.done()]
        heapq.heapify(self._heap)
        self._look()

    def ahead(self, ticket: Ticket) -> float:
        """Seconds until the call may start, as far as is known; 0 once it may."""
        return 0.0 if ticket.starts.done() else max(0.0, self._start(ticket) - asyncio.get_running_loop().time())

    def _start(self, ticket: Ticket) -> float:
        wait = self.schedule.wait(ticket.slot) if self.schedule else 0.0
        return max(self._heard + wait, self._paused)

    def _held(self, ticket: Ticket) -> bool:
        return self.schedule is not None and ticket.slot[0] - ticket.tokens > self.schedule.hold

    def _look(self) -> None:
        """Start who may, and come back when the next one may."""
        loop = asyncio.get_running_loop()
        while self._heap and not self._held(self._heap[0][2]) and self._start(self._heap[0][2]) <= loop.time():
            self._begin(heapq.heappop(self._heap)[2])
        if self._timer:
            self._timer.cancel()
        # Who is held back looks again when more is heard.
        first = self._heap[0][2] if self._heap else None
        self._timer = loop.call_at(self._start(first), self._look) if first and not self._held(first) else None

    def _begin(self, ticket: Ticket) -> None:
        if ticket.starts.done():
            return
        if not self.begun or ticket.slot > self.begun:
            self.begun = ticket.slot
        ticket.starts.set_result(True)
