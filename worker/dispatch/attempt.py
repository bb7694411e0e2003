"""One item: images → request → start time → answer → outcome."""

import asyncio
import base64
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from vision.errors import ImageError, ItemError, Retry
from vision.images.hosts import HostBusy
from vision.images.prepare import Prepared, as_it_is, prepare
from vision.images.source import Images
from vision.jobs import ids
from vision.jobs.lifecycle import ItemStatus
from vision.jobs.retries import decide
from vision.kinds import Ending, Reply
from vision.prices import Usage
from vision.provider.called import Called, read
from vision.provider.catalogue import Lane
from vision.provider.client import Client
from vision.provider.failures import Failure, Then
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.queue.claims import Held
from vision.storage.specs import JobSpec
from vision.tokens import NO_FIT, count_image, sent_size
from worker.dispatch.breaker import Breaker
from worker.dispatch.charging import charge
from worker.dispatch.health import Verdict
from worker.dispatch.leases import Leases
from worker.dispatch.marks import LEAD_SECONDS, Marks
from worker.dispatch.memory_budget import MemoryBudget
from worker.dispatch.oversize import explain
from worker.pacing.pacer import Pacer
from worker.pacing.waiting import Ticket

log = logging.getLogger(__name__)

MOST_INVALID = 2
"""How often an item is asked whose answer does not fit the schema: once more, then it fails."""

_RETRY = {Then.DOWN: Retry.LATER, Then.LATER: Retry.LATER, Then.UNCLEAR: Retry.LATER, Then.NEVER: Retry.NEVER}


@dataclass(frozen=True)
class LaneContext:
    """Everything a call on one lane needs, handed down by the runtime."""

    lane: Lane
    client: Client
    pacer: Pacer
    breaker: Breaker
    images: Images
    leases: Leases
    marks: Marks
    executor: Executor
    memory: MemoryBudget
    max_attempts: int


@dataclass(frozen=True)
class _Ready:
    """Images as they are sent, what they cost in tokens, and what was wrong.

    `size`: width and height of the first image where other ones were told.
    """

    urls: list[str]
    tokens: int
    size: tuple[int, int] | None = None


class Stopped(Exception):
    """The item's job sends nothing more, or its lease has gone: give it back."""


class LaneStopped(Exception):
    """The provider refuses this lane's calls altogether: the key, the account's credit, or the model."""

    def __init__(self, failure: Failure, outcome: Outcome) -> None:
        super().__init__(failure.code)
        self.failure = failure
        self.outcome = outcome


async def call(context: LaneContext, item: Held, spec: JobSpec, when_reserved: Callable[[], None]) -> Outcome:
    """Do one item. Idempotent up to the provider: what is recorded is fenced by the item's lease.

    `when_reserved` is called once the call's start is known, which may be never.
    """
    async with context.memory.share() as share:
        try:
            ready = await _ready(context, item, spec)
        except ItemError as error:
            return _failed(context, item, error)
        except Stopped:
            return Outcome(item, burned=False)
        share.holds(sum(map(len, ready.urls)))
        if ready.tokens > (item.image_tokens or 0):
            # Its size was told or measured wrong: money and tokens were set aside for less. Claim it again.
            return _corrected(Outcome(item, again_seconds=0.0, burned=False), ready)
        if not context.leases.may_send(item) or (context.breaker.down and not await context.breaker.turn(item)):
            return _corrected(Outcome(item, burned=False), ready)
        demand = context.lane.kind.demand(spec.question, ready.tokens, len(item.images))
        ticket = await context.pacer.reserve(*demand, owner=item)
        when_reserved()
        if ticket is None:
            return _corrected(_too_large(context, item, spec, ready), ready)
        return _corrected(await _send(context, item, spec, ready, ticket), ready)


def _corrected(outcome: Outcome, ready: _Ready) -> Outcome:
    """The same, with what is now known of the images where it was not, or was told wrong."""
    if ready.size is None and ready.tokens == outcome.item.image_tokens:
        return outcome
    return replace(outcome, image_tokens=ready.tokens, size=ready.size)


async def _send(context: LaneContext, item: Held, spec: JobSpec, ready: _Ready, ticket: Ticket) -> Outcome:
    """Wait for the call's start, and make it unless its job or lane is stopped meanwhile, or its lease has gone."""
    if not await _starts(context, item, ticket) or not await _may_send(context, item):
        context.pacer.settle(ticket, 0)
        return Outcome(item, burned=False)
    try:
        return await _ask(context, item, spec, ready, ticket)
    finally:
        context.pacer.land(ticket)


async def _starts(context: LaneContext, item: Held, ticket: Ticket) -> bool:
    """Wait for the call's start; that it is sent is written down just before, or once it has its place in flight."""
    if context.lane.max_in_flight is not None:
        return await context.pacer.wait_until(ticket) and await context.marks.sent(item, soon=True)
    if not await context.pacer.near(ticket, LEAD_SECONDS) or not await context.marks.sent(item):
        return False
    return await context.pacer.wait_until(ticket)


async def _may_send(context: LaneContext, item: Held) -> bool:
    """Whether nothing speaks against the call now."""
    return await context.breaker.may_send(item) and context.leases.may_send(item)


async def _ready(context: LaneContext, item: Held, spec: JobSpec) -> _Ready:
    """Inline, or by URL where the provider fetches http(s) itself and the measured tokens are taken."""
    tokens = item.image_tokens
    if tokens is not None and _by_url(context.lane, spec) and all(source.startswith("http") for source in item.images):
        return _Ready(list(item.images), tokens)
    prepared = [await _prepare(context, item, spec, source) for source in item.images]
    sizes = [(image.width, image.height) for image in prepared]
    tokens = sum(count_image(context.lane.image_tokens, spec.detail, *size).tokens for size in sizes)
    told_wrong = item.width is not None and (item.width, item.height) != prepared[0].source_size
    return _Ready(
        [_data_url(image) for image in prepared],
        tokens,
        prepared[0].source_size if told_wrong else None,
    )


def _by_url(lane: Lane, spec: JobSpec) -> bool:
    """What is to be shrunk has to go through our hands."""
    return lane.provider.images == "url" and spec.fit == NO_FIT


async def _prepare(context: LaneContext, item: Held, spec: JobSpec, source: str) -> Prepared:
    data = await context.images.load(source)
    target = None if spec.fit == NO_FIT else partial(sent_size, context.lane.image_tokens, spec.detail, spec.fit)
    loop = asyncio.get_running_loop()
    if ready := await loop.run_in_executor(context.executor, partial(as_it_is, data, target=target)):
        return ready
    if not await context.marks.decoding(item):
        raise Stopped
    return await loop.run_in_executor(context.executor, partial(prepare, data, target=target))


def _call_id(item: Held) -> str:
    """Of one try at one step; the provider's log may have it."""
    step = f"-{item.step}" if item.step > 1 else ""
    return f"{ids.item(item.job_id, item.number)}{step}-{item.attempt + 1}"


def _data_url(image: Prepared) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"


async def _ask(context: LaneContext, item: Held, spec: JobSpec, ready: _Ready, ticket: Ticket) -> Outcome:
    kind = context.lane.kind
    body = kind.request(context.lane.model, spec.question, ready.urls)
    ready.urls.clear()  # the body holds them; hundreds of calls need not do so twice
    loop = asyncio.get_running_loop()
    started = loop.time()
    called = read(kind, await context.client.post(kind.path, body, _call_id(item)))
    latency_ms = round((loop.time() - started) * 1000)
    verdict = await context.breaker.heard(item, called.failure)
    if called.reply:
        return _answered(context, item, spec, ready, ticket, called, latency_ms=latency_ms)
    return replace(await _refused(context, item, spec, ready, ticket, called, verdict=verdict), latency_ms=latency_ms)


def _answered(
    context: LaneContext, item: Held, spec: JobSpec, ready: _Ready, ticket: Ticket, called: Called, *, latency_ms: int
) -> Outcome:
    assert called.reply is not None  # noqa: S101 - only called with a reply
    made = charge(context.lane, item, spec, ready.tokens, called.reply)
    context.pacer.settle(ticket, made.usage.input_tokens + made.usage.output_tokens, called)
    answer, code, message = _read(context.lane, spec, called.reply)
    charged = Charge(
        context.lane.name, code or "succeeded", made.usage, made.cost, made.known, called.request_id,
        counted=made.counted, doubt=made.doubt, excess=made.excess,
    )  # fmt: skip
    if code == "output_invalid" and item.attempt + 1 < min(MOST_INVALID, context.max_attempts):
        return Outcome(item, charged, again_seconds=0.0, latency_ms=latency_ms)
    return Outcome(
        item,
        charged,
        status=ItemStatus.FAILED if code else ItemStatus.SUCCEEDED,
        answer=answer,
        error_code=code,
        error_message=message,
        latency_ms=latency_ms,
    )


def _read(lane: Lane, spec: JobSpec, reply: Reply) -> tuple[object, str | None, str | None]:
    """Answer, error code, error message."""
    match reply.ending:
        case Ending.ANSWERED:
            try:
                return lane.kind.answer(reply, spec.question), None, None
            except ItemError as error:
                return None, error.code, error.message
            except Exception:
                # It is paid for, and asking again would be, too.
                log.exception("An answer could not be read.")
                return None, "output_invalid", "Tessera could not read the answer; its log says why."
        case Ending.REFUSED:
            return None, "refused", f"The model refused: {reply.text[:300]}"
        case Ending.CONTENT_FILTERED:
            return None, "content_filtered", "The provider's content filter stopped the answer."
        case Ending.OUTPUT_TRUNCATED:
            message = f"The answer did not fit into {spec.max_output_tokens} tokens. Raise max_output_tokens."
            return None, "output_truncated", message


async def _refused(
    context: LaneContext, item: Held, spec: JobSpec, ready: _Ready, ticket: Ticket, called: Called, *, verdict: Verdict
) -> Outcome:
    """The call failed; the table of failures has decided what follows."""
    failure = called.failure
    assert failure is not None  # noqa: S101 - a call ends in a reply or a failure
    throttled = failure.then == Then.PACE
    # A refused call was not charged; one whose end was not seen may have been, so its tokens stay spent.
    context.pacer.settle(ticket, None if failure.unknown_cost else 0, called, throttled=throttled)
    if throttled:
        await context.pacer.pause(ticket, failure.retry_after, called.limits)
        # It waits with the lane, so that it starts when the lane does, also where somebody lifts the pause.
        return Outcome(item, again_seconds=0.0, burned=False)
    if failure.then == Then.PAUSE or (failure.then == Then.UNCLEAR and context.breaker.key_is_refused(item, failure)):
        raise LaneStopped(failure, Outcome(item, burned=False))
    known = not failure.unknown_cost
    cost = Decimal(0) if known else item.reserved
    made = Charge(context.lane.name, failure.code, Usage(0, 0), cost, known, called.request_id)
    if not verdict.burned:
        return Outcome(item, made, again_seconds=verdict.again_seconds, burned=False)
    decision = decide(_RETRY[failure.then], item.attempt + 1, context.max_attempts, failure.retry_after)
    if decision.again:
        return Outcome(item, made, again_seconds=decision.delay_seconds)
    code = "upstream_rejected" if failure.then == Then.UNCLEAR else failure.code
    code = "upstream_error" if failure.trouble else code
    return Outcome(item, made, status=ItemStatus.FAILED, error_code=code, error_message=failure.message)


def _failed(context: LaneContext, item: Held, error: ItemError) -> Outcome:
    """An image that cannot be had: again later, or the end of this item; nothing was paid."""
    if isinstance(error, HostBusy):
        return Outcome(item, again_seconds=error.seconds, burned=False)
    decision = decide(error.retry, item.attempt + 1, context.max_attempts)
    if decision.again and isinstance(error, ImageError):
        return Outcome(item, again_seconds=decision.delay_seconds)
    return Outcome(item, status=ItemStatus.FAILED, error_code=error.code, error_message=error.message)


def _too_large(context: LaneContext, item: Held, spec: JobSpec, ready: _Ready) -> Outcome:
    demand = context.lane.kind.demand(spec.question, ready.tokens, len(item.images))
    message = explain(context.lane.name, context.pacer.limits, demand, spec.question, ready.tokens)
    return Outcome(item, status=ItemStatus.FAILED, error_code="request_too_large", error_message=message)
