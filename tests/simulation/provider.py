"""A provider on the simulated clock: the law of tests/fakes/buckets.py, in every way that it may charge and tell."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Literal

from tests.fakes.buckets import Lane
from vision.kinds import Ending, Reply
from vision.provider import headers
from vision.provider.call_result import CallResult
from vision.provider.failures import Failure, Then

Charge = Literal["max", "usage", "refund"]
"""The most that a call may use; what it uses; the most, of which what was not used comes back with the answer."""

Tells = Literal["admission", "answer", "nothing"]
"""Of which instant its headers tell what is left."""


@dataclass
class Provider:
    """One key and model. `delay`, `latency`: least and most seconds on the way (each way) and until the answer."""

    rpm: int
    tpm: int
    charge: Charge = "usage"
    tells: Tells = "admission"
    factor: float = 1.0
    """What it charges for a token of our count."""
    full: float = 1.0
    delay: tuple[float, float] = (0.005, 0.02)
    latency: tuple[float, float] = (0.3, 0.3)
    seed: int = 1
    refused: list[float] = field(default_factory=list)
    charged: int = 0
    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    last: float = 0.0
    """When the last call was let in."""
    left: tuple[float, float] = (0.0, 0.0)
    """Seconds of refill that the last call left in either bucket."""

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.lane = Lane(self.rpm, self.tpm, 0.0, self.full)

    async def call(self, most: int, usage: int) -> CallResult:
        """One call from the instant when it is sent until its answer is there."""
        await asyncio.sleep(self.dice.uniform(*self.delay))
        now = asyncio.get_running_loop().time()
        most, usage = round(most * self.factor), round(usage * self.factor)
        tokens = usage if self.charge == "usage" else most
        if refusal := self.lane.refusal(now, tokens):
            self.refused.append(now)
            limits = self._stated(now)
            await asyncio.sleep(self.dice.uniform(*self.delay))
            wait = None if refusal.wait is None else (refusal.wait + 1) / 1000
            return CallResult(None, Failure(Then.PACE, "rate_limit_exceeded", "", retry_after=wait), limits=limits)
        self.lane.charge(now, tokens)
        self.charged, self.calls = self.charged + tokens, self.calls + 1
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        limits = self._stated(now)
        self.last = now
        self.left = self.lane.tokens.remaining(now) * 60 / self.tpm, self.lane.requests.remaining(now) * 60 / self.rpm
        await asyncio.sleep(self.dice.uniform(*self.latency))
        self.in_flight -= 1
        now = asyncio.get_running_loop().time()
        if self.charge == "refund":
            self.lane.tokens.take(now, usage - most)
            self.charged += usage - most
        if self.tells == "answer":
            limits = self._stated(now)
        await asyncio.sleep(self.dice.uniform(*self.delay))
        return CallResult(Reply(Ending.ANSWERED, "", None), None, limits=limits)

    def _stated(self, now: float) -> headers.RateLimits:
        if self.tells == "nothing":
            return headers.RateLimits()
        return headers.read(self.lane.headers(now))
