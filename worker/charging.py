"""What an answered call is charged, made out before anybody looks into the answer."""

from dataclasses import replace

from vision.prices import Count, Price, Usage, book, credible
from vision.provider.catalogue import Lane
from vision.provider.replies import Reply
from vision.storage.outcome import Charge
from vision.storage.ranges import Held
from vision.storage.specs import JobSpec
from vision.tokens import least_tokens, most_tokens, text


def charge(lane: Lane, item: Held, spec: JobSpec, image_tokens: int, reply: Reply) -> Charge:
    """By what the provider told, or by our own count where that cannot be true; the most if it told nothing.

    `image_tokens`: of the images as they were sent, or as they were declared. `outcome` is still to be filled in.
    """
    if reply.usage is None:
        usage = Usage(image_tokens + spec.prompt_tokens, text.count(reply.text), image_tokens)
        return Charge(lane.name, "", usage, item.reserved, known=False, counted=True)
    told, count = reply.usage, _count(lane, item, spec, image_tokens, reply.usage)
    if spec.capped or not credible(told, count):
        count = replace(count, written=text.count(reply.text))
    told = replace(told, image_tokens=told.image_tokens or min(image_tokens, told.input_tokens))
    return _booked(lane, told, count, lane.price)


def _booked(lane: Lane, told: Usage, count: Count, price: Price | None) -> Charge:
    booked = book(told, count, price)
    return Charge(
        lane.name, "", booked.usage, booked.cost, counted=booked.counted, doubt=booked.doubt, excess=booked.excess
    )


def _count(lane: Lane, item: Held, spec: JobSpec, image_tokens: int, told: Usage) -> Count:
    """Our own count. Images that nobody here has seen count as declared if what was told bears that out."""
    seen = Count(spec.prompt_tokens, image_tokens, image_tokens, spec.max_output_tokens)
    if not item.unseen:
        return seen
    quarter, beside = spec.prompt_tokens // 4, told.input_tokens - image_tokens
    images = len(item.images)
    certain = images * least_tokens(lane.image_tokens, spec.detail)
    if quarter <= beside <= spec.prompt_tokens + quarter:
        return replace(seen, certain=certain)
    return replace(seen, certain=certain, images=images * most_tokens(lane.image_tokens, spec.detail))
