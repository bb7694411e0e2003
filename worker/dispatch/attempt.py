"""One call for one item, top to bottom: prepare, reserve, wait and mark, send, settle; and the outcome."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from vision.errors import ImageError, ItemError, Retry
from vision.images.host import HostBusy
from vision.jobs import ids
from vision.jobs.lifecycle import ItemStatus
from vision.jobs.retries import decide
from vision.kinds import Demand, Dialect
from vision.kinds.findings import find
from vision.prices import Usage
from vision.provider.call_result import CallResult, read
from vision.provider.failures import Failure, Then
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.specs import JobSpec
from worker.dispatch.charging import charge
from worker.dispatch.health import Verdict
from worker.dispatch.lane_context import LaneContext
from worker.dispatch.loading import NOT_LOADED, Loaded, Stopped, load
from worker.dispatch.marks import LEAD_SECONDS
from worker.dispatch.oversize import explain
from worker.pacing.waiting import Ticket

MOST_INVALID = 2
"""Calls for an item whose answers do not fit the schema; then it fails."""

_RETRY = {Then.DOWN: Retry.LATER, Then.LATER: Retry.LATER, Then.UNCLEAR: Retry.LATER, Then.NEVER: Retry.NEVER}


class LaneStopped(Exception):
    """The provider refuses this lane's calls altogether: the key, the account's credit, or the model."""

    def __init__(self, failure: Failure, outcome: Outcome) -> None:
        super().__init__(failure.code)
        self.failure = failure
        self.outcome = outcome


class _Unsent(Exception):
    """The attempt is over, and nothing was sent."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class Attempt:
    """One attempt at an item. Its outcome is fenced by the item's lease, so a repeated attempt does no harm here.

    `when_reserved` is called once the call's start is known, which may be never.
    """

    # Known one after the other, as the attempt goes on.
    _images: Loaded = NOT_LOADED
    _ticket: Ticket
    _dialect: Dialect
    _called: CallResult
    _latency_ms: int | None = None

    def __init__(
        self, context: LaneContext, item: LeasedItem, spec: JobSpec, when_reserved: Callable[[], None]
    ) -> None:
        self._context = context
        self._lane = context.lane
        self._item = item
        self._spec = spec
        self._when_reserved = when_reserved

    async def run(self) -> Outcome:
        """The item's outcome; LaneStopped if the lane takes no calls at all."""
        async with self._context.memory.share() as share:
            try:
                await self._prepare()
                share.holds(sum(map(len, self._images.urls)))
                await self._check()
                await self._reserve()
                await self._wait()
                outcome = await self._send()
            except _Unsent as unsent:
                outcome = unsent.outcome
        return self._corrected(outcome)

    async def _prepare(self) -> None:
        try:
            self._images = await load(self._context, self._item, self._spec)
        except ItemError as error:
            raise _Unsent(self._unloaded(error)) from None
        except Stopped:
            raise self._given_back() from None

    async def _check(self) -> None:
        """Stop here if the call may not be made, or if too little money was set aside for it."""
        if self._images.tokens > (self._item.image_tokens or 0):
            # Its size was declared or measured wrong. Claim it again.
            raise _Unsent(Outcome(self._item, again_seconds=0.0, uses_attempt=False))
        if not self._context.leases.may_send(self._item):
            raise self._given_back()
        if not await self._context.dialect.turn(self._item):
            raise self._given_back()
        if self._context.breaker.down and not await self._context.breaker.turn(self._item):
            raise self._given_back()

    async def _reserve(self) -> None:
        demand = self._lane.kind.demand(self._spec.question, self._images.tokens, len(self._item.images))
        ticket = await self._context.pacer.reserve(*demand, owner=self._item)
        self._when_reserved()
        if ticket is None:
            raise _Unsent(self._too_large(demand))
        self._ticket = ticket

    async def _wait(self) -> None:
        """Until its start, unless its job or lane is stopped meanwhile, or its lease has gone."""
        if not (await self._starts() and await self._may_send()):
            self._context.pacer.settle(self._ticket, 0)
            raise self._given_back()

    async def _starts(self) -> bool:
        """That it is sent is written down just before its start, or once it has its place among those in flight."""
        pacer, marks = self._context.pacer, self._context.marks
        if self._lane.max_in_flight is not None:
            return await pacer.wait_until(self._ticket) and await marks.sent(self._item, soon=True)
        if not await pacer.near(self._ticket, LEAD_SECONDS) or not await marks.sent(self._item):
            return False
        return await pacer.wait_until(self._ticket)

    async def _may_send(self) -> bool:
        """Whether nothing speaks against the call now."""
        return await self._context.breaker.may_send(self._item) and self._context.leases.may_send(self._item)

    async def _send(self) -> Outcome:
        """Make the call, settle what it took of the limit, and say what follows."""
        try:
            await self._call()
            if await self._context.dialect.heard(self._item, self._dialect, self._called):
                self._settle(0)
                return Outcome(self._item, again_seconds=0.0, uses_attempt=False, latency_ms=self._latency_ms)
            verdict = await self._context.breaker.heard(self._item, self._called.failure)
            if self._called.failure:
                refused = await self._refused(self._called.failure, verdict)
                return replace(refused, latency_ms=self._latency_ms)
            return self._answered()
        finally:
            self._context.pacer.land(self._ticket)

    async def _call(self) -> None:
        kind = self._lane.kind
        self._dialect = self._context.dialect.current
        body = kind.request(self._lane.model, self._spec.question, self._images.urls, self._dialect)
        self._images.urls.clear()  # the body holds them; hundreds of calls need not do so twice
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._called = read(kind, await self._context.client.post(kind.path, body, self._id(), kind.headers))
        self._latency_ms = round((loop.time() - started) * 1000)

    def _id(self) -> str:
        """Of one try at one step; the provider's log may have it."""
        item = self._item
        step = f"-{item.step}" if item.step > 1 else ""
        return f"{ids.item(item.job_id, item.number)}{step}-{item.attempt + 1}"

    def _answered(self) -> Outcome:
        """A reply came; it is paid for whatever it contains."""
        reply = self._called.reply
        assert reply is not None  # noqa: S101 - a call ends in a reply or a failure
        booked = charge(self._lane, self._item, self._spec, self._images.tokens, reply)
        self._settle(booked.usage.input_tokens + booked.usage.output_tokens)
        found = find(self._lane.kind, reply, self._spec.question)
        charged = Charge(
            self._lane.name, found.code or "succeeded", booked.usage, booked.cost, booked.known,
            self._called.request_id, counted=booked.counted, doubt=booked.doubt, excess=booked.excess,
        )  # fmt: skip
        if found.code == "output_invalid" and self._item.attempt + 1 < min(MOST_INVALID, self._context.max_attempts):
            return Outcome(self._item, charged, again_seconds=0.0, latency_ms=self._latency_ms)
        if found.code:
            return self._failed(found.code, found.message, charged)
        return Outcome(self._item, charged, ItemStatus.SUCCEEDED, found.answer, latency_ms=self._latency_ms)

    async def _refused(self, failure: Failure, verdict: Verdict) -> Outcome:
        """The call failed; what follows is decided by the table of failures."""
        throttled = failure.then == Then.PACE
        # A refused call was not charged. One whose end was not seen may have been: its tokens stay spent.
        self._settle(None if failure.unknown_cost else 0, throttled=throttled)
        if throttled:
            await self._context.pacer.pause(self._ticket, failure.retry_after, self._called.limits)
            # The item waits with its lane, so it starts when the lane does, also if somebody ends the pause.
            return Outcome(self._item, again_seconds=0.0, uses_attempt=False)
        if self._stops_the_lane(failure):
            raise LaneStopped(failure, Outcome(self._item, uses_attempt=False))
        charged = self._possible_charge(failure)
        if not verdict.uses_attempt:
            return Outcome(self._item, charged, again_seconds=verdict.again_seconds, uses_attempt=False)
        decision = decide(_RETRY[failure.then], self._item.attempt + 1, self._context.max_attempts, failure.retry_after)
        if decision.again:
            return Outcome(self._item, charged, again_seconds=decision.delay_seconds)
        code = "upstream_rejected" if failure.then == Then.UNCLEAR else failure.code
        return self._failed("upstream_error" if failure.trouble else code, failure.message, charged)

    def _settle(self, used: int | None, *, throttled: bool = False) -> None:
        self._context.pacer.settle(self._ticket, used, self._called, throttled=throttled)

    def _stops_the_lane(self, failure: Failure) -> bool:
        if failure.then == Then.UNCLEAR:
            return self._context.breaker.key_is_refused(self._item, failure)
        return failure.then == Then.PAUSE

    def _possible_charge(self, failure: Failure) -> Charge:
        """No cost, or the most that the call can cost if its end was not seen."""
        known = not failure.unknown_cost
        cost = Decimal(0) if known else self._item.reserved
        return Charge(self._lane.name, failure.code, Usage(0, 0), cost, known, self._called.request_id)

    def _unloaded(self, error: ItemError) -> Outcome:
        """An image could not be loaded: try the item again, or fail it; nothing was paid."""
        if isinstance(error, HostBusy):
            return Outcome(self._item, again_seconds=error.seconds, uses_attempt=False)
        decision = decide(error.retry, self._item.attempt + 1, self._context.max_attempts)
        if decision.again and isinstance(error, ImageError):
            return Outcome(self._item, again_seconds=decision.delay_seconds)
        return self._failed(error.code, error.message)

    def _too_large(self, demand: Demand) -> Outcome:
        limits, question = self._context.pacer.limits, self._spec.question
        words = explain(self._lane.name, limits, demand, question, self._images.tokens)
        return self._failed("request_too_large", words)

    def _failed(self, code: str, message: str | None, charged: Charge | None = None) -> Outcome:
        return Outcome(self._item, charged, ItemStatus.FAILED, None, code, message, latency_ms=self._latency_ms)

    def _given_back(self) -> _Unsent:
        return _Unsent(Outcome(self._item, uses_attempt=False))

    def _corrected(self, outcome: Outcome) -> Outcome:
        """The outcome with the images' sizes and tokens, where these were unknown or declared wrong."""
        images = self._images
        if images is NOT_LOADED or (images.size is None and images.tokens == self._item.image_tokens):
            return outcome
        return replace(outcome, image_tokens=images.tokens, size=images.size, sizes=images.sizes)
