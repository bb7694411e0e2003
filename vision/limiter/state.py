"""What is shown of a lane."""

from dataclasses import dataclass
from typing import NamedTuple

from vision.limiter.schedule import Schedule
from vision.provider.limits import Limit


@dataclass(frozen=True)
class LaneState:
    """A lane as it stands now. A negative `*_left` is reserved by calls that wait for the refill.

    `*_per_minute`: the limits in force, as the provider states them if it does. `mode`: what we think that it charges,
    the most that a call may use (`max`) or what it used (`usage`). `waiting_seconds`: how far ahead start times are
    reserved. `charge_factor`: how many tokens it charges for one of our count. `tokens_for_others`: left to other users
    of the key.
    """

    tokens_left: int
    requests_left: int
    tokens_last_minute: int
    requests_last_minute: int
    throttled: int
    paused_seconds: float
    tokens_per_minute: int
    requests_per_minute: int
    waiting_seconds: float
    mode: str
    charge_factor: float
    tokens_for_others: int


class Used(NamedTuple):
    """Tokens and requests of the last minute, all 429s, and the tokens left to other users of the key."""

    tokens: int
    requests: int
    throttled: int
    others: int


def show(schedule: Schedule, limit: Limit, used: Used, *, fresh: bool) -> LaneState:
    """The lane's state. `fresh`: nobody has used the lane, so it is shown full."""
    left = [supply - spent for supply, spent in zip(schedule.supplies, schedule.spent, strict=True)]
    most = [round(rate * bucket.window) for rate, bucket in zip(schedule.rates, limit.buckets, strict=True)]
    return LaneState(
        tokens_left=most[0] if fresh else int(left[0]),
        requests_left=most[1] if fresh else int(left[1]),
        tokens_last_minute=used.tokens,
        requests_last_minute=used.requests,
        throttled=used.throttled,
        paused_seconds=max(0.0, schedule.paused - schedule.now),
        tokens_per_minute=most[0],
        requests_per_minute=most[1],
        waiting_seconds=max(0.0, *(-amount / rate for amount, rate in zip(left, schedule.rates, strict=True))),
        mode=schedule.mode,
        charge_factor=round(schedule.factor, 3),
        tokens_for_others=used.others,
    )
