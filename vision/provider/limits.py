"""A lane's limits, and the token buckets that enforce them."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

MINUTE, DAY = 60, 86_400
UNLIMITED = 10**12
"""Capacity of a bucket that never delays a call."""


class Amounts(NamedTuple):
    """What one call, or several, take of a lane's buckets. The fields are the kinds of buckets."""

    tokens: int
    requests: int
    images: int

    def of(self, kind: str) -> int:
        """What they take of a bucket of this kind."""
        return int(getattr(self, kind))


class Bucket(NamedTuple):
    """Capacity = limit, refill = limit / window (seconds). The first word of the name is the kind."""

    name: str
    limit: int
    window: int

    @property
    def kind(self) -> str:
        """A field of Amounts."""
        return self.name.partition("_")[0]


@dataclass(frozen=True)
class Limit:
    """Requests, tokens and images per minute and day that a lane may use (None: no such limit).

    `share`: the part of the provider's own limits that these are; the rest is left to others.
    `assumed`: nobody has configured these limits, so higher ones that the provider reports are used.
    """

    rpm: int
    tpm: int | None
    rpd: int | None = None
    tpd: int | None = None
    ipm: int | None = None
    share: float = 1.0
    assumed: bool = False

    @cached_property
    def buckets(self) -> tuple[Bucket, ...]:
        """Tokens and requests per minute, then those of the other limits that are set."""
        others = (
            ("images", self.ipm, MINUTE),
            ("requests_day", self.rpd, DAY),
            ("tokens_day", self.tpd, DAY),
        )
        return (
            Bucket("tokens", UNLIMITED if self.tpm is None else self.tpm, MINUTE),
            Bucket("requests", self.rpm, MINUTE),
            *(Bucket(name, limit, window) for name, limit, window in others if limit is not None),
        )

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each bucket."""
        return tuple(bucket.kind for bucket in self.buckets)

    @property
    def largest_call(self) -> int:
        """Tokens of the largest call that fits all buckets."""
        return min(bucket.limit for bucket in self.buckets if bucket.kind == "tokens")

    def seconds(self, calls: int, tokens: int) -> int:
        """Seconds that so many calls of one image take at the tightest limit; a day's limit is available at once."""
        taken = Amounts(tokens, calls, calls)
        waits = (
            -(-max(0, taken.of(kind) - (limit if window == DAY else 0)) * window // limit)
            for kind, (_, limit, window) in zip(self.kinds, self.buckets, strict=True)
        )
        return max(waits)
