"""What the provider saw and billed: the oracle that every end-to-end test is compared with."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class JournalEntry(NamedTuple):
    """One call, noted when it is admitted or refused; `status` 0 for a reset connection."""

    number: int
    time: float
    key: str
    model: str
    sources: str
    input: int
    output: int
    image: int
    charged: int
    status: int
    client_request_id: str | None
    fault: str | None

    def public(self) -> dict[str, Any]:
        """As `GET /_/log` tells it."""
        row = self._asdict()
        row["request_id"] = request_id(row.pop("number"))
        row["images"] = [_image(source) for source in row.pop("sources").split("\n") if source]
        return row


def request_id(number: int) -> str:
    """`req_` and 24 hexadecimal digits."""
    return f"req_{number:024x}"


def _image(source: str) -> dict[str, str]:
    if not source.startswith("sha256:"):
        return {"url": source}
    digest, _, name = source[7:].partition(" ")
    return {"sha256": digest} | ({"name": name} if name else {})


@dataclass
class Tally:
    """Running totals of one key and model."""

    calls: int = 0
    tokens: int = 0
    refused: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    # Epoch seconds: the first and the last call that was charged, and the last end of any.
    first_admitted: float | None = None
    last_admitted: float | None = None
    last_ended: float | None = None
    # second → calls admitted, tokens charged
    seconds: dict[int, list[int]] = field(default_factory=dict)

    def windows(self, length: int) -> list[dict[str, int]]:
        """Calls and tokens in windows of `length` seconds."""
        found: dict[int, list[int]] = {}
        for second, (calls, tokens) in self.seconds.items():
            window = found.setdefault(second - second % length, [0, 0])
            window[0] += calls
            window[1] += tokens
        return [{"start": at, "calls": calls, "tokens": tokens} for at, (calls, tokens) in found.items()]


class Journal:
    """A ring of calls, and totals that are never cut off."""

    def __init__(self, size: int) -> None:
        self.ring: deque[JournalEntry] = deque(maxlen=size)
        self.total = 0
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.statuses: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.billed = [0, 0, 0]
        self.in_flight = 0
        self.max_in_flight = 0

    def tally(self, key: str, model: str) -> Tally:
        """The totals of one lane."""
        return self.tallies.setdefault((key, model), Tally())

    def note(self, entry: JournalEntry) -> None:
        """Add one call to the log and the totals."""
        self.ring.append(entry)
        self.total += 1
        self.statuses[entry.status] += 1
        if entry.fault:
            self.faults[entry.fault] += 1
        for place, tokens in enumerate((entry.input, entry.output, entry.image)):
            self.billed[place] += tokens
        if entry.charged:
            tally = self.tally(entry.key, entry.model)
            tally.calls += 1
            tally.tokens += entry.charged
            tally.first_admitted = tally.first_admitted or entry.time
            tally.last_admitted = entry.time
            second = tally.seconds.setdefault(int(entry.time), [0, 0])
            second[0] += 1
            second[1] += entry.charged

    def enter(self, tally: Tally) -> None:
        """A call is being worked on."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        tally.in_flight += 1
        tally.max_in_flight = max(tally.max_in_flight, tally.in_flight)

    def leave(self, tally: Tally) -> None:
        """It is answered, or its client is gone."""
        self.in_flight -= 1
        tally.in_flight -= 1
        tally.last_ended = time.time()

    def page(self, after: int, limit: int) -> dict[str, Any]:
        """Calls from the `after`-th on (counted from the first ever), at most `limit`."""
        gone = self.total - len(self.ring)
        rows = [self.ring[at].public() for at in range(max(0, after - gone), len(self.ring))[:limit]]
        return {"total": self.total, "first": max(after, gone), "calls": rows}

    def stats(self, window: int) -> dict[str, Any]:
        """Everything that can be counted."""
        billed = dict(zip(("input", "output", "image"), self.billed, strict=True))
        return {
            "calls": self.total,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "rate_limited": sum(tally.refused for tally in self.tallies.values()),
            "faults": self.faults,
            "billed": billed,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "lanes": [
                {
                    "key": key,
                    "model": model,
                    "calls": tally.calls,
                    "tokens": tally.tokens,
                    "rate_limited": tally.refused,
                    "max_in_flight": tally.max_in_flight,
                    "first_admitted": tally.first_admitted,
                    "last_admitted": tally.last_admitted,
                    "last_ended": tally.last_ended,
                    "windows": tally.windows(window),
                }
                for (key, model), tally in self.tallies.items()
            ],
        }
