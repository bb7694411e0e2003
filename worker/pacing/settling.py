"""How calls on a lane ended, added up for the limiter."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from vision.limiter import Refused, Sample, Settlement
from vision.provider.call_result import CallResult
from vision.provider.headers import RateLimits
from vision.provider.limits import MINUTE, Amounts, Limit
from worker.pacing.waiting import Ticket, Waiting


class Ended(NamedTuple):
    """A call that ended. `used`: tokens, None if that is not known; `called`: None if it was never sent."""

    ticket: Ticket
    used: int | None
    called: CallResult | None
    throttled: bool


def add_up(ended: Sequence[Ended], limit: Limit, waiting: Waiting, now: float) -> Settlement:
    """The settlement of these calls; those of an earlier frame are only counted. `now`: loop time."""
    frame = waiting.schedule.frame if waiting.schedule else ""
    current = [each for each in ended if each.ticket.frame == frame]
    stated = [each for each in current if each.called and each.called.limits.known and each.ticket.bound]
    return Settlement(
        frame=frame,
        back=tuple(sum(_back(each, kind) for each in current) for kind in limit.kinds),
        begun=waiting.begun,
        stated=_limits(stated, limit),
        samples=[_sample(each, each.called.limits, limit, now) for each in stated if each.called],
        largest=max((each.ticket.tokens for each in stated), default=0),
        spare=sum(each.ticket.demand.most - _used(each) for each in stated if each.called and each.called.reply),
        answered=min((_age(each.ticket, now) for each in ended if each.called and each.called.reply), default=None),
        tokens_used=sum(_used(each) for each in ended if each.called),
        calls=sum(each.called is not None for each in ended),
        throttled=sum(each.throttled for each in ended),
    )


def refusal(ticket: Ticket, limits: RateLimits, waiting: Waiting) -> Refused:
    """What is known of a refused call. Only where requests were left does it show that tokens were lacking."""
    requests, tokens = limits.left("requests", MINUTE), limits.left("tokens", MINUTE)
    left = tokens if requests is not None and requests >= 1 else None
    return Refused(max(1, round(ticket.tokens / ticket.factor)), left, waiting.begun[0] if waiting.begun else 0)


def _age(ticket: Ticket, now: float) -> float:
    return 0.0 if ticket.begun is None else now - ticket.begun


def _used(each: Ended) -> int:
    return each.ticket.tokens if each.used is None else each.used


def _take(ticket: Ticket, kind: str) -> int:
    return Amounts(ticket.tokens, 1, ticket.demand.images).of(kind)


def _back(each: Ended, kind: str) -> int:
    """What a call gives back of a bucket.

    A call that was not sent gives all of it back, a refused or failed one its tokens. An answered call gives back what
    it did not use only where the provider charges what is used; what it used beyond its reservation is always taken. A
    call that was given up before its start gives nothing back: calls with earlier slots would start before the refill.
    """
    ticket = each.ticket
    if not each.called:
        return _take(ticket, kind) if ticket.begun is not None else 0
    if kind != "tokens" or each.used is None:
        return 0
    if each.called.reply and ticket.mode == "max":
        return min(0, ticket.tokens - each.used)
    return ticket.tokens - ceil(each.used * ticket.factor)


def _sample(each: Ended, limits: RateLimits, limit: Limit, now: float) -> Sample:
    """What was left after a call; of a refused one, what it would have left."""
    ticket = each.ticket
    left = tuple(limits.left(bucket.kind, bucket.window) for bucket in limit.buckets)
    slot = (ticket.slot[0] + ticket.filled, *ticket.slot[1:])
    age = _age(ticket, now)
    if not each.throttled:
        return Sample(left, slot, age, ticket.bound)
    refused = tuple(_take(ticket, kind) for kind in limit.kinds)
    slot = tuple(at + _back(each, kind) for at, kind in zip(slot, limit.kinds, strict=True))
    return Sample(left, slot, age, (True,) * len(slot), refused)


def _limits(stated: Sequence[Ended], limit: Limit) -> tuple[int | None, ...]:
    """Our share of the provider's limits by the latest answer. A limit that the call itself exceeds cannot be meant."""
    latest = next((each for each in reversed(stated) if each.called and each.called.reply), None)
    if not latest or not latest.called:
        return ()
    limits = latest.called.limits
    found = ((bucket.kind, limits.limit(bucket.kind, bucket.window)) for bucket in limit.buckets)
    least = Amounts(_used(latest), 1, latest.ticket.demand.images)
    return tuple(max(1, int(most * limit.share)) if most and most >= least.of(kind) else None for kind, most in found)
