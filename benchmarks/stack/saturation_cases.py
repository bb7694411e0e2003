"""The cases of the benchmark `saturation`."""

import itertools
from dataclasses import astuple, dataclass
from typing import Self

from benchmarks.stack.limited_lane import (
    STARTS,
)

WORKERS = (1, 2, 4)

SHAPES = ("even", "mixed", "requests")

CHARGES = ("usage", "max")

LATENCIES = ("steady", "jittered")

REMAINING = ("admission", "answer")

OTHERS = ("alone", "others")


@dataclass(frozen=True)
class Case:
    """One run. Shape: all images alike, of mixed sizes, or bound by requests. Remaining: when headers are counted.

    Others: whether somebody else uses the same key.
    """

    workers: int
    shape: str
    charge: str
    latency: str
    start: str
    remaining: str = "admission"
    others: str = "alone"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`2/mixed/max/jittered/empty`, and maybe `/answer`, `/answer/others`; ValueError."""
        workers, *words = text.split("/")
        known = (SHAPES, CHARGES, LATENCIES, STARTS, REMAINING, OTHERS)
        if not 4 <= len(words) <= 6 or any(word not in some for word, some in zip(words, known, strict=False)):
            raise ValueError
        return cls(int(workers), *words)

    def __str__(self) -> str:
        return "/".join(map(str, astuple(self))).removesuffix(f"/{OTHERS[0]}").removesuffix(f"/{REMAINING[0]}")


EACH_ONCE = [
    Case(1, "even", "usage", "steady", "full"),
    Case(2, "mixed", "usage", "jittered", "full"),
    Case(4, "mixed", "max", "steady", "full"),
    Case(1, "mixed", "max", "jittered", "empty", "answer"),
    Case(4, "requests", "usage", "jittered", "empty"),
    Case(2, "mixed", "usage", "steady", "new-full", "answer"),
    Case(2, "even", "max", "steady", "new-empty"),
    Case(2, "mixed", "usage", "steady", "empty", "admission", "others"),
    Case(2, "mixed", "max", "steady", "empty", "answer", "others"),
]
"""Everything that varies at least once: about 20 minutes."""


def every() -> list[Case]:
    """All combinations; how tokens are charged makes no difference to a lane bound by requests."""
    cases = []
    for number, words in enumerate(itertools.product(WORKERS, SHAPES, CHARGES, LATENCIES, STARTS)):
        if words[1:3] != ("requests", "max"):
            cases.append(Case(*words, remaining=REMAINING[(number + number // len(STARTS)) % 2]))
    return cases
