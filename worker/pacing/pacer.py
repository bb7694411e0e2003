"""Start times on one lane for this process: reservations and settlements, batched into few calls to Redis."""

import asyncio
import logging
from collections.abc import Callable

from redis.exceptions import RedisError

from vision.limiter import Demand, Limiter, Reserved, Schedule
from vision.provider.call_result import CallResult
from vision.provider.catalogue import Lane
from vision.provider.headers import RateLimits
from vision.provider.limits import Bucket
from vision.storage.queue.leased_item import LeasedItem
from worker.pacing.concurrency import ConcurrencySlots
from worker.pacing.settling import Ended, add_up, refusal
from worker.pacing.waiting import Ticket, Waiting

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.05
LISTEN_SECONDS = 0.2
"""While calls wait, the schedule is read at least this often: other processes change it, too."""
MEMORY = 16
"""How many calls the mean size is taken over."""
AWAY_SECONDS = 0.5
"""Between two tries while Redis is away: spending stops, nothing is lost."""
UNSTATED_SECONDS = 1.0
"""Length of a pause whose length was not stated, while Redis is away."""
DRAIN_SECONDS = 1.0
MOMENT_SECONDS = 0.001
"""The shortest wait."""


class Pacer:
    """Reserve, wait, settle, for every call of this process on one lane. First come, first served."""

    def __init__(self, limiter: Limiter, lane: Lane) -> None:
        self._limiter = limiter
        self._lane = lane.name
        self._limit = lane.limit
        self._waiting = Waiting()
        self._slots = ConcurrencySlots(limiter, lane.name, lane.max_in_flight) if lane.max_in_flight else None
        self._asking: list[Ticket] = []
        self._ended: list[Ended] = []
        self._asker: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._mean_tokens = 0.0
        self._unsent: set[Ticket] = set()

    @property
    def horizon(self) -> float:
        """The latest start granted, in loop time: how far ahead this process has claimed."""
        return self._waiting.horizon()

    @property
    def limits(self) -> list[Bucket]:
        """The lane's limits in force: lower ones that the provider states replace the configured ones."""
        rates = self._waiting.schedule.rates if self._waiting.schedule else ()
        known = zip(self._limit.buckets, rates, strict=False)
        return [bucket._replace(limit=round(rate * bucket.window)) for bucket, rate in known]

    async def reserve(
        self, most: int, likely: int | None = None, images: int = 1, *, owner: LeasedItem | None = None
    ) -> Ticket | None:
        """Reserve a slot for a call of at most so many tokens; None if it is larger than a bucket."""
        ticket = Ticket(Demand(most, most if likely is None else min(likely, most), images), owner)
        self._unsent.add(ticket)
        self._mean_tokens += (ticket.demand.likely - self._mean_tokens) / (MEMORY if self._mean_tokens else 1)
        self._ask([ticket])
        if await ticket.fits:
            return ticket
        self._unsent.discard(ticket)
        return None

    def admits(self, seconds: float) -> int:
        """How many calls of the usual size the lane's refill lets start in so many seconds; at least one."""
        tokens, requests = self._waiting.rates or [bucket.limit / bucket.window for bucket in self._limit.buckets[:2]]
        mean = self._mean_tokens * (self._waiting.schedule.factor if self._waiting.schedule else 1.0)
        return max(1, int(seconds * min(requests, tokens / max(1.0, mean))))

    async def near(self, ticket: Ticket, seconds: float) -> bool:
        """Sleep until the call may start within so many seconds; False: give it up."""
        while (ahead := self._waiting.ahead(ticket)) > seconds:
            await asyncio.wait((ticket.starts,), timeout=max(MOMENT_SECONDS, ahead - seconds))
        return not ticket.starts.done() or ticket.starts.result()

    async def wait_until(self, ticket: Ticket) -> bool:
        """Sleep until the call may start; False: give it up."""
        try:
            if not await ticket.starts:
                return False
            if self._slots:
                ticket.turn = self._slots.enter()
                ticket.in_flight = await ticket.turn
                if not ticket.in_flight:
                    return False
        finally:
            self._unsent.discard(ticket)
        self._waiting.send(ticket)
        return True

    def give_back(self, unwanted: Callable[[LeasedItem], bool]) -> None:
        """Give up waiting calls whose owners are unwanted."""
        given_up = [ticket for ticket in self._unsent if ticket.owner and unwanted(ticket.owner)]
        for ticket in given_up:
            ticket.give_up()
        if given_up:
            self._waiting.forget()

    def give_up(self) -> None:
        """Give up all waiting calls: this process stops."""
        self._waiting.give_up()
        if self._slots:
            self._slots.give_up()

    async def drain(self) -> None:
        """Wait until every call that ended is settled."""
        keepers = [self._keeper, self._slots.keeper if self._slots else None]
        if under_way := [keeper for keeper in keepers if keeper and not keeper.done()]:
            await asyncio.wait(under_way, timeout=DRAIN_SECONDS)

    async def pause(self, ticket: Ticket, seconds: float | None, limits: RateLimits) -> None:
        """After a 429: pause the lane for all workers, for so many seconds (None: not stated)."""
        self._waiting.pause(UNSTATED_SECONDS if seconds is None else seconds)
        try:
            schedule = await self._limiter.pause(
                self._lane,
                self._limit,
                seconds,
                stated=limits.known,
                refused=refusal(ticket, limits, self._waiting),
            )
            self._waiting.shared()
            self._hear(schedule)
        except (RedisError, OSError) as error:
            log.warning("The pause of %s is not shared (%s).", self._lane, type(error).__name__)

    def settle(
        self, ticket: Ticket, used: int | None, called: CallResult | None = None, *, throttled: bool = False
    ) -> None:
        """Settle a call that ended (see Ended), within 50 ms."""
        self.land(ticket)
        if ticket in self._unsent:
            self._unsent.discard(ticket)
            ticket.give_up()
        self._ended.append(Ended(ticket, used, called, throttled))
        self._keep()

    def land(self, ticket: Ticket) -> None:
        """Free the call's concurrency slot. Idempotent."""
        if self._slots and ticket.in_flight:
            ticket.in_flight = False
            self._slots.leave()

    def _ask(self, tickets: list[Ticket]) -> None:
        self._asking += tickets
        if not self._asker or self._asker.done():
            self._asker = asyncio.get_running_loop().create_task(self._reserve())

    async def _reserve(self) -> None:
        """Reserve for all calls that asked since the last time, in one script call."""
        await asyncio.sleep(0)
        while self._asking:
            asking, self._asking = [ticket for ticket in self._asking if not ticket.starts.done()], []
            if not asking:
                continue
            reserved = await self._reserved([ticket.demand for ticket in asking])
            self._hear(reserved.schedule)
            placed = zip(asking, reserved.slots, reserved.tokens, strict=True)
            self._waiting.add([ticket for ticket, at, tokens in placed if ticket.take(reserved.schedule, at, tokens)])
            self._keep()

    async def _reserved(self, demands: list[Demand]) -> Reserved:
        while True:
            try:
                return await self._limiter.reserve(self._lane, self._limit, demands)
            except (RedisError, OSError) as error:
                log.warning("No start times for %s: Redis failed (%s).", self._lane, type(error).__name__)
                await asyncio.sleep(AWAY_SECONDS)

    def _hear(self, schedule: Schedule) -> None:
        if lost := self._waiting.hear(schedule):
            self._ask(lost)

    def _keep(self) -> None:
        if not self._keeper or self._keeper.done():
            self._keeper = asyncio.get_running_loop().create_task(self._settle())

    async def _settle(self) -> None:
        """Settle calls and read the schedule, as long as calls end or wait."""
        while self._ended or len(self._waiting):
            await asyncio.sleep(SETTLE_SECONDS)
            if self._ended or self._waiting.heard_ago() >= LISTEN_SECONDS:
                await self._settle_ended()

    async def _settle_ended(self) -> None:
        ended, self._ended = self._ended, []
        now = asyncio.get_running_loop().time()
        settlement = add_up(ended, self._limit, self._waiting, now)
        try:
            self._hear(await self._limiter.settle(self._lane, self._limit, settlement))
        except (RedisError, OSError) as error:
            # What is not given back is learned from later headers: slower for a moment, never over the limit.
            log.warning("Calls on %s were not settled (%s).", self._lane, type(error).__name__)
