"""One lane's limits, shared by every process through Redis."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from redis.asyncio import Redis

from vision.kinds import Demand
from vision.limiter.schedule import Schedule, Slot
from vision.limiter.scripts import Argument, Scripts
from vision.limiter.state import LaneState, Used, show
from vision.provider.limits import Amounts, Limit

CONCURRENCY_SECONDS = 10
UNSURE = 1 / 3
"""The part of what is left that may be used before the next answer, while it is not known what is charged."""


class Sample(NamedTuple):
    """What the provider stated was left after a call that was sent `age` seconds ago.

    `left`: in the order of `Limit.buckets`; None where it stated nothing. `bound`: whether the call waited for this
    bucket. `refused`: what a refused call would have taken.
    """

    left: tuple[float | None, ...]
    slot: Slot
    age: float
    bound: tuple[bool, ...]
    refused: Slot | None = None

    def after(self, index: int) -> float | None:
        """What would have been left of a bucket after the call."""
        left = self.left[index]
        return left if left is None or self.refused is None else left - self.refused[index]


class Refused(NamedTuple):
    """A refused call: its tokens by our count, and how many tokens were left if that was too few (None: unknown).

    `begun`: the last token slot that its process began.
    """

    cost: int
    left: float | None
    begun: float


@dataclass(frozen=True)
class Settlement:
    """How calls on a lane ended, added up.

    `frame`: of the calls' slots. `back`: what to give back, `begun`: the last slot begun, `stated`: the provider's
    limits; these in the order of `Limit.buckets`, empty for none. Of calls whose answers stated what was left, `spare`
    is what they used less than their most, and `largest` the tokens of the largest. `answered`: seconds since the
    latest answered call began.
    """

    frame: str = ""
    back: tuple[float, ...] = ()
    begun: tuple[float, ...] = ()
    stated: tuple[int | None, ...] = ()
    samples: Sequence[Sample] = ()
    spare: int = 0
    largest: int = 0
    answered: float | None = None
    tokens_used: int = 0
    calls: int = 0
    throttled: int = 0


@dataclass(frozen=True)
class Reserved:
    """The schedule; each call's slot, None for one that is larger than a whole bucket; the tokens reserved for it."""

    schedule: Schedule
    slots: list[Slot | None]
    tokens: list[int]


class Limiter:
    """Reserve before a call, settle after it."""

    def __init__(self, redis: Redis, clock: Callable[[], float] | None = None) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._clock = clock
        self._schedules: dict[str, Schedule] = {}

    async def reserve(self, lane: str, limit: Limit, calls: Sequence[Demand]) -> Reserved:
        """Slots for these calls, in order."""
        asked: list[Argument] = [number for call in calls for number in call]
        report, text = await self._scripts.run("reserve", [_key(lane)], self._head(lane, limit) + asked)
        offsets = [None if word == b"-" else int(word) for word in text.split()]
        schedule = self._schedules[lane] = Schedule.read(report)
        tokens = [schedule.charge(call.most if schedule.mode == "max" else call.likely) for call in calls]
        takes = [
            tuple(map(Amounts(each, 1, call.images).of, limit.kinds)) for call, each in zip(calls, tokens, strict=True)
        ]
        return Reserved(schedule, schedule.slots(takes, offsets), tokens)

    async def settle(self, lane: str, limit: Limit, ended: Settlement) -> Schedule:
        """Give back what was reserved and not used, and learn from what the provider stated was left."""
        schedule = self._schedules.get(lane)
        words: list[Argument] = [ended.tokens_used, ended.calls, ended.throttled]
        words += [limit.share, ended.largest, ended.spare, ended.answered]
        words += _ages(ended.samples, schedule)
        for index in range(len(limit.buckets)):
            words += [ended.back[index] if ended.back else 0, ended.begun[index] if ended.begun else 0]
            words.append(ended.stated[index] if ended.stated else None)
            words += _least(ended.samples, index, schedule)
        now = self._clock() if self._clock else time.time()
        keys = [_key(lane), _minute_key(lane, int(now) // 60)]
        # Without samples there is nothing to learn, and most of the script is left out.
        name = "settle" if ended.samples else "settle_without_headers"
        schedule = self._schedules[lane] = Schedule.read(
            await self._scripts.run(name, keys, self._head(lane, limit, ended.frame) + words)
        )
        return schedule

    async def pause(
        self,
        lane: str,
        limit: Limit,
        seconds: float | None,
        *,
        stated: bool = False,
        refused: Refused | None = None,
    ) -> Schedule:
        """Let no process start a call on this lane for so many seconds; None: longer each time, up to 60.

        `stated`: the provider also stated what is left, so that settling corrects the level.
        """
        cost, left, begun = refused or Refused(1, None, 0)
        words: list[Argument] = [None if seconds is None else f"{seconds:.6f}", int(stated), cost, left, begun]
        schedule = self._schedules[lane] = Schedule.read(
            await self._scripts.run("pause", [_key(lane)], self._head(lane, limit) + words)
        )
        return schedule

    async def resume(self, lane: str, limit: Limit) -> Schedule:
        """End a pause for all processes: calls start as the schedule allows."""
        schedule = self._schedules[lane] = Schedule.read(
            await self._scripts.run("resume", [_key(lane)], self._head(lane, limit))
        )
        return schedule

    async def concurrency(self, lane: str, process: str, *, held: int, wanted: int, most: int) -> tuple[int, int]:
        """How many of the `wanted` calls may start beside the `held` ones, and this process's part of the slots.

        `most`: over all processes; one process may have all of them while no other waits for any. Repeat this within
        CONCURRENCY_SECONDS: after that the process counts as dead, and its slots are free.
        """
        clock = self._clock() if self._clock else None
        words: list[Argument] = [clock, process, held, wanted, most, CONCURRENCY_SECONDS]
        granted, part = await self._scripts.run("concurrency", [f"{_key(lane)}:concurrency"], words)
        return int(granted), int(part)

    async def state(self, lane: str, limit: Limit) -> LaneState:
        """The lane as it stands now; a lane never used is full."""
        now = self._clock() if self._clock else time.time()
        minute = int(now) // 60
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(_minute_key(lane, minute), "tokens", "calls")
            pipe.hmget(_minute_key(lane, minute - 1), "tokens", "calls")
            current, before = await pipe.execute()
        report, throttled, others = await self._scripts.run("state", [_key(lane)], self._head(lane, limit, "-"))
        schedule = Schedule.read(report)
        share = 1 - (now % 60) / 60
        tokens, requests = (round(int(current[i] or 0) + share * int(before[i] or 0)) for i in (0, 1))
        fresh = not schedule.known and not any(schedule.spent)
        used = Used(tokens, requests, throttled, others)
        return show(schedule, limit, used, fresh=fresh)

    def _head(self, lane: str, limit: Limit, frame: str | None = None) -> list[Argument]:
        """The first words of every script (see lane.lua)."""
        schedule = self._schedules.get(lane)
        spent = schedule.spent if schedule else ()
        head: list[Argument] = [self._clock() if self._clock else None, frame or (schedule.frame if schedule else None)]
        head += [int(limit.assumed), len(limit.buckets)]
        for index, (name, most, window) in enumerate(limit.buckets):
            head += [name, most, window, spent[index] if index < len(spent) else 0]
        return head


def connect(redis_url: str) -> Redis:
    """A client whose calls fail within seconds when Redis is away."""
    return Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=25)


def _least(samples: Sequence[Sample], index: int, schedule: Schedule | None) -> list[Argument]:
    """What settle.lua needs of a bucket's samples: `left`, `past`, `reach` and `gate` (see there).

    The first two only of calls that the schedule held back: what the others state depends on the order of arrival.
    """
    if not schedule or not samples:
        return [None, None, None, None]
    rate = schedule.rates[index]
    stated = [
        (left, after, each)
        for each in samples
        if (left := each.left[index]) is not None and (after := each.after(index)) is not None
    ]
    bound = [(after, each) for _, after, each in stated if not schedule.known or each.bound[index]]
    least = min((after for after, _ in bound), default=None)
    past = min((after + each.slot[index] + rate * each.age for after, each in bound), default=None)
    reach = min((left + rate * each.age for left, _, each in stated), default=None)
    gate = None
    if not schedule.sure:
        gate = min((UNSURE * left + each.slot[index] + rate * each.age for left, _, each in stated), default=None)
    return [least, past, reach, gate]


def _ages(samples: Sequence[Sample], schedule: Schedule | None) -> list[Argument]:
    """The mean age of the samples, and the token slot of the one that leaves the fewest tokens."""
    if not schedule or not samples:
        return [None, None]
    rate = schedule.rates[0]
    bound = [each for each in samples if each.left[0] is not None and each.bound[0]]
    least = min(bound, key=lambda each: (each.after(0) or 0) + each.slot[0] + rate * each.age, default=None)
    return [sum(each.age for each in samples) / len(samples), least.slot[0] if least else None]


def _key(lane: str) -> str:
    return f"tessera:lane:4:{{{lane}}}"


def _minute_key(lane: str, minute: int) -> str:
    return f"{_key(lane)}:{minute}"
