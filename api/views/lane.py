"""Lanes on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from api.views.lists import Listed
from vision.jobs.money import money
from vision.limiter import LaneState
from vision.provider import catalogue
from vision.storage.queue.outages import Outage
from vision.storage.reports.jobs import Used


class Limits(BaseModel):
    """What the lane may use; null where there is no such limit."""

    requests_per_minute: int
    tokens_per_minute: int | None
    requests_per_day: int | None
    tokens_per_day: int | None
    images_per_minute: int | None
    in_flight: int | None


class LaneTokens(BaseModel):
    """Tokens of the caller's jobs on a lane."""

    input: int
    output: int
    image: int
    cached: int


class LaneCost(BaseModel):
    """What they cost, in dollars."""

    currency: Literal["USD"] = "USD"
    spent: str


class Breaker(BaseModel):
    """Since when the provider does not answer, its last error, and when it is probed next."""

    open_since: int
    next_probe_at: int
    code: str
    message: str


class LaneDialect(BaseModel):
    """How its requests are written: settings that providers.toml states, and those that refusals have taught."""

    stated: dict[str, str]
    learned: dict[str, str]


class Lane(Listed):
    """A provider key and a model: its limits, and what is left of them now.

    `now` is null while Redis cannot be reached, `breaker` unless the provider does not answer.
    """

    object: Literal["lane"] = "lane"
    provider: str
    model: str
    limits: Limits
    in_flight: int
    now: LaneState | None
    tokens: LaneTokens
    cost: LaneCost
    breaker: Breaker | None
    dialect: LaneDialect


@dataclass(frozen=True)
class Known:
    """What the database knows of a lane; `used` and `in_flight` are the caller's."""

    in_flight: int = 0
    used: Used = field(default_factory=Used)
    outage: Outage | None = None
    learned: Mapping[str, str] = field(default_factory=dict)


def view(lane: catalogue.Lane, state: LaneState | None, known: Known) -> Lane:
    """The lane object."""
    used, provider = known.used, lane.provider
    return Lane(
        id=lane.name,
        provider=lane.provider.name,
        model=lane.model,
        limits=limits(lane),
        in_flight=known.in_flight,
        now=state,
        tokens=LaneTokens(
            input=used.input_tokens, output=used.output_tokens, image=used.image_tokens, cached=used.cached_tokens
        ),
        cost=LaneCost(spent=money(used.spent)),
        breaker=known.outage and _breaker(known.outage),
        dialect=LaneDialect(
            stated={name: getattr(provider.dialect, name) for name in sorted(provider.stated)},
            learned=dict(known.learned),
        ),
    )


def limits(lane: catalogue.Lane) -> Limits:
    """The lane's limits as they are configured."""
    return Limits(
        requests_per_minute=lane.limit.rpm,
        tokens_per_minute=lane.limit.tpm,
        requests_per_day=lane.limit.rpd,
        tokens_per_day=lane.limit.tpd,
        images_per_minute=lane.limit.ipm,
        in_flight=lane.max_in_flight,
    )


def _breaker(outage: Outage) -> Breaker:
    return Breaker(
        open_since=int(outage.since.timestamp()),
        next_probe_at=int(outage.probe_at.timestamp()),
        code=outage.code,
        message=outage.message,
    )
