"""A lane's schedule: how much each bucket supplies over time, and the slots of calls in it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

Slot = tuple[float, ...]
"""How much has been reserved of each bucket up to this call and with it, in the order of `Limit.buckets`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A lane as a script left it.

    `supplies` (on which calls may start), `spent` (reserved) and `rates` (a second) are in the order of
    `Limit.buckets`, and counted from the beginning of the frame. `known`: the provider has stated what is left; `sure`:
    it is known what it charges. `factor`: how many tokens it charges for one of our count. `hold`: during slow start
    the token slot after which no call may start; infinite otherwise.
    """

    frame: str
    now: float
    mode: str
    known: bool
    sure: bool
    paused: float
    filled: float
    factor: float
    hold: float
    supplies: tuple[float, ...]
    spent: tuple[float, ...]
    rates: tuple[float, ...]

    @classmethod
    def read(cls, report: bytes) -> Self:
        """From a script's answer."""
        frame, now, mode, known, paused, filled, factor, hold, *rest = report.decode().split(" ")
        numbers = [float(word) for word in rest]
        slot = math.inf if hold == "-1" else float(hold)
        head = (frame, float(now), mode, known != "0", known == "2", float(paused), float(filled), float(factor))
        return cls(*head, slot, tuple(numbers[0::3]), tuple(numbers[1::3]), tuple(numbers[2::3]))

    def charge(self, tokens: int) -> int:
        """What the provider takes for so many tokens of our count."""
        return math.ceil(tokens * self.factor)

    def slack(self, slot: Slot, seconds: float) -> tuple[float, ...]:
        """By how much each bucket's supply is beyond this slot, so many seconds after `now`."""
        buckets = zip(self.supplies, self.rates, slot, strict=True)
        return tuple(supply + rate * seconds - at for supply, rate, at in buckets)

    def wait(self, slot: Slot) -> float:
        """Seconds from `now` until a call at this slot may start."""
        least = self.paused - self.now
        for supply, rate, at in zip(self.supplies, self.rates, slot, strict=True):
            least = max(least, (at - supply) / rate)
        return max(0.0, least)

    def slots(self, takes: Sequence[tuple[float, ...]], offsets: Sequence[int | None]) -> list[Slot | None]:
        """The slots of calls that were just reserved: what each takes of every bucket, and its offset on the first.

        A call without an offset has no slot.
        """
        taken = [take for take, offset in zip(takes, offsets, strict=True) if offset is not None]
        sums = [sum(take[index] for take in taken) for index in range(len(self.spent))]
        before = [spent - total for spent, total in zip(self.spent, sums, strict=True)]
        first = self.spent[0] - max([0, *(offset or 0 for offset in offsets)])
        found: list[Slot | None] = []
        for take, offset in zip(takes, offsets, strict=True):
            if offset is None:
                found.append(None)
                continue
            before = [at + amount for at, amount in zip(before, take, strict=True)]
            found.append((first + offset, *before[1:]))
        return found
