"""What an answered call costs, computed before its answer is read."""

from decimal import Decimal

from vision.kinds import Reply
from vision.prices import Booking, Count, Usage, book, credible
from vision.provider.catalogue import Lane
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.specs import JobSpec
from vision.tokens import least_tokens, most_tokens

NOTHING = Usage(0, 0)
NEAR = 32
"""Tokens by which two counts of the same short text may differ."""


def charge(lane: Lane, item: LeasedItem, spec: JobSpec, image_tokens: int, reply: Reply) -> Booking:
    """The usage that the provider reported, or our own count where that cannot be true; the most if it reported none.

    `image_tokens`: of the images as they were sent, or as they were declared.
    """
    if not lane.kind.by_tokens:
        return Booking(reply.usage or NOTHING, counted=False, cost=Decimal(0))
    reported = reply.usage
    if reported is None:
        usage = Usage(image_tokens + spec.prompt_tokens, lane.kind.written(reply), image_tokens)
        return Booking(usage, counted=True, cost=item.reserved, known=False)
    count = Count(spec.prompt_tokens, image_tokens, image_tokens, spec.max_output_tokens)
    if item.unseen:
        count = _unseen(lane, item, spec, count, reported)
    if spec.capped or not credible(reported, count):
        count = count._replace(written=lane.kind.written(reply))
    return book(reported, count, lane.price)


def confirms(reported: Usage, declared: Count) -> bool:
    """Whether the reported tokens are those of the declared sizes, give or take how a provider counts text."""
    return abs(reported.input_tokens - declared.images - declared.text) <= max(NEAR, declared.text // 20)


def _unseen(lane: Lane, item: LeasedItem, spec: JobSpec, declared: Count, reported: Usage) -> Count:
    """Unseen images count as declared if the reported usage confirms it, else as the largest that the rule admits."""
    images = len(item.images)
    certain = images * least_tokens(lane.image_tokens, spec.detail)
    if confirms(reported, declared):
        return declared._replace(certain=certain)
    return declared._replace(certain=certain, images=images * most_tokens(lane.image_tokens, spec.detail))
