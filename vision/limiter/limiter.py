"""One lane's requests and tokens per minute, shared by every process through Redis.

The law (observed on OpenAI's own 429 texts): a bucket that refills continuously, capacity = the per-minute limit,
refill = limit / 60 per second. Tessera mirrors it and hands out start times.

Guaranteed: the starts granted in any time span never pass what the mirrored bucket holds and refills in it; first come,
first served; Redis's clock alone counts; one atomic script for a whole list of calls; a dead worker's reservations
need no cleaning, because they refill with time. Not guaranteed: that the provider's bucket was full when the mirror was
first made, or that nobody else uses the same key; the provider's headers and 429s correct the mirror for that.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from redis.asyncio import Redis

HEADROOM_SECONDS = 0.5
"""Refill held back from the burst: a later call may overtake an earlier one on the way by this much, no more."""


@dataclass(frozen=True)
class Limit:
    """What a lane may use, per minute."""

    rpm: int
    tpm: int


@dataclass(frozen=True)
class Settlement:
    """How calls on a lane ended, added up. `remaining_*` is the provider's latest word, None if it said nothing."""

    tokens_back: int = 0
    requests_back: int = 0
    tokens_used: int = 0
    calls: int = 0
    throttled: int = 0
    remaining_tokens: int | None = None
    remaining_requests: int | None = None


@dataclass(frozen=True)
class LaneState:
    """A lane as it stands now. Negative `*_left` are promised to calls that wait for the refill."""

    tokens_left: int
    requests_left: int
    tokens_last_minute: int
    requests_last_minute: int
    throttled: int
    paused_seconds: float


class Limiter:
    """Reserve before a call, settle after it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reserve = redis.register_script(_script("reserve"))
        self._settle = redis.register_script(_script("settle"))
        self._pause = redis.register_script(_script("pause"))

    async def reserve(self, lane: str, limit: Limit, tokens: Sequence[int]) -> list[float | None]:
        """Seconds until each call may start, in order; None for a call larger than the whole bucket."""
        waits = await self._reserve(keys=[_key(lane)], args=[limit.tpm, limit.rpm, HEADROOM_SECONDS, *tokens])
        return [None if wait < 0 else wait / 1_000_000 for wait in waits]

    async def settle(self, lane: str, limit: Limit, ended: Settlement) -> None:
        """Give back what was reserved and not used, and take the provider's count where it is lower."""
        await self._settle(
            keys=[_key(lane), _minute_key(lane, int(time.time()) // 60)],
            args=[
                limit.tpm,
                limit.rpm,
                HEADROOM_SECONDS,
                ended.tokens_back,
                ended.requests_back,
                "" if ended.remaining_tokens is None else ended.remaining_tokens,
                "" if ended.remaining_requests is None else ended.remaining_requests,
                ended.tokens_used,
                ended.calls,
                ended.throttled,
            ],
        )

    async def pause(self, lane: str, seconds: float) -> None:
        """Let no call start on this lane for so many seconds, for every worker."""
        await self._pause(keys=[_key(lane)], args=[f"{seconds:.6f}"])

    async def state(self, lane: str, limit: Limit) -> LaneState:
        """The lane as it stands now; a lane never used is full."""
        now = time.time()
        minute = int(now) // 60
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(_key(lane), "tokens", "requests", "at", "paused_until", "throttled")
            pipe.hmget(_minute_key(lane, minute), "tokens", "calls")
            pipe.hmget(_minute_key(lane, minute - 1), "tokens", "calls")
            (tokens, requests, at, paused, throttled), current, before = await pipe.execute()
        elapsed = max(0.0, now - float(at)) if at else 0.0
        share = 1 - (now % 60) / 60

        def left(stored: bytes | None, per_minute: int) -> int:
            return int(min(per_minute, float(stored or per_minute) + elapsed * per_minute / 60))

        def last_minute(index: int) -> int:
            return round(int(current[index] or 0) + share * int(before[index] or 0))

        return LaneState(
            tokens_left=left(tokens, limit.tpm),
            requests_left=left(requests, limit.rpm),
            tokens_last_minute=last_minute(0),
            requests_last_minute=last_minute(1),
            throttled=int(throttled or 0),
            paused_seconds=max(0.0, float(paused or 0) - now),
        )


def connect(redis_url: str) -> Redis:
    """A client whose calls fail within seconds when Redis is away."""
    return Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=25)


def _key(lane: str) -> str:
    return f"tessera:lane:{{{lane}}}"


def _minute_key(lane: str, minute: int) -> str:
    return f"{_key(lane)}:{minute}"


@cache
def _script(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
