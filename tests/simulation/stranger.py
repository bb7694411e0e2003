"""Somebody else on the same key: bursts of calls that nobody tells us of."""

import asyncio
from dataclasses import dataclass, field

from tests.simulation.provider import Provider

FIRST = 0.7
"""Seconds until the first burst."""


@dataclass
class Stranger:
    """`part` of the limit in bursts of `calls` calls every so many seconds; one that is refused is tried in the next."""

    provider: Provider
    part: float = 0.3
    calls: int = 20
    every: float = 2.0
    until: float = float("inf")
    took: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0

    async def run(self) -> None:
        """Until cancelled, or until its time is over."""
        tokens = round(self.part * self.provider.tpm / 60 * self.every / self.calls)
        now, waiting = asyncio.get_running_loop().time, 0
        await asyncio.sleep(FIRST)
        while now() < self.until:
            waiting += self.calls
            while waiting and not self.provider.lane.refusal(now(), tokens):
                self.provider.lane.charge(now(), tokens)
                self.took.append((now(), tokens))
                waiting -= 1
            self.refused += waiting
            waiting = min(waiting, self.calls)
            await asyncio.sleep(self.every)

    def charged(self, until: float) -> int:
        """What was taken until then."""
        return sum(tokens for at, tokens in self.took if at <= until)
