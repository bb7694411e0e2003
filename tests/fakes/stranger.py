"""Somebody else on the same key: bursts of calls that nobody tells the client of."""

import asyncio
from dataclasses import dataclass, field

from tests.fakes.buckets import Lane


@dataclass
class Stranger:
    """`part` of the lane's tokens in bursts of so many calls every so many seconds; `until` in loop time.

    A call that is refused is tried again in the next burst, as long as there are no more of those than a burst has.
    """

    lane: Lane
    part: float = 0.3
    calls: int = 20
    every: float = 2.0
    until: float = float("inf")
    first: float = 0.7
    """Seconds until the first burst."""
    took: list[tuple[float, int]] = field(default_factory=list)
    """Loop time and tokens of each call."""

    async def run(self) -> None:
        """Until cancelled, or until its time is over."""
        tokens = round(self.part * self.lane.tokens.limit / 60 * self.every / self.calls)
        loop, waiting = asyncio.get_running_loop(), 0
        await asyncio.sleep(self.first)
        while loop.time() < self.until:
            waiting = self._burst(loop.time(), min(waiting, self.calls) + self.calls, tokens)
            await asyncio.sleep(self.every)

    def _burst(self, now: float, calls: int, tokens: int) -> int:
        """How many of these calls are refused."""
        while calls and not self.lane.refusal(now, tokens):
            self.lane.charge(now, tokens)
            self.took.append((now, tokens))
            calls -= 1
        return calls

    def charged(self, until: float) -> int:
        """The tokens that were taken until then."""
        return sum(tokens for at, tokens in self.took if at <= until)
