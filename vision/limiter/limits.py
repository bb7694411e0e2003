"""What a lane may use: its limits, and the buckets that they are."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, Self

MINUTE, DAY = 60, 86_400


class Bucket(NamedTuple):
    """Capacity = limit, refill = limit / window (seconds). The first word of the name tells what a call takes of it."""

    name: str
    limit: int
    window: int

    @property
    def kind(self) -> str:
        """`tokens`, `requests` or `images`."""
        return self.name.partition("_")[0]


class Limited(Protocol):
    """What has limits of its own: a lane of the catalogue."""

    @property
    def rpm(self) -> int: ...
    @property
    def tpm(self) -> int: ...
    @property
    def rpd(self) -> int | None: ...
    @property
    def tpd(self) -> int | None: ...
    @property
    def ipm(self) -> int | None: ...
    @property
    def share(self) -> float: ...
    @property
    def assumed(self) -> bool: ...


@dataclass(frozen=True)
class Limit:
    """Requests, tokens and images per minute and day that a lane may use (None: no such limit).

    `share`: these are so much of the provider's own limits; the rest is left to others.
    `assumed`: nobody has stated these limits, so that the provider may also tell higher ones.
    """

    rpm: int
    tpm: int
    rpd: int | None = None
    tpd: int | None = None
    ipm: int | None = None
    share: float = 1.0
    assumed: bool = False

    @classmethod
    def of(cls, lane: Limited) -> Self:
        """The limits of a lane."""
        return cls(lane.rpm, lane.tpm, lane.rpd, lane.tpd, lane.ipm, lane.share, lane.assumed)

    @cached_property
    def buckets(self) -> tuple[Bucket, ...]:
        """The two that every lane has, then those that are set."""
        others = (
            ("images", self.ipm, MINUTE),
            ("requests_day", self.rpd, DAY),
            ("tokens_day", self.tpd, DAY),
        )
        return (
            Bucket("tokens", self.tpm, MINUTE),
            Bucket("requests", self.rpm, MINUTE),
            *(Bucket(name, limit, window) for name, limit, window in others if limit is not None),
        )

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Of each bucket, what a call takes of it: `tokens`, `requests` or `images`."""
        return tuple(bucket.kind for bucket in self.buckets)
