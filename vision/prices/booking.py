"""The cost to book for an answered call: as the provider reported, or our own count where that cannot be true."""

from decimal import Decimal
from typing import NamedTuple

from vision.prices.price import Price, Usage

NOTHING = Decimal(0)


class Count(NamedTuple):
    """Our own count of one call, in tokens, by the published rules.

    `text`: its instructions and schema. `images`: all its images, at most. `certain`: the least that they must
    cost, which is lower for images that we have not seen. `ceiling`: the longest answer allowed. `written`: the
    readable part of the answer; 0 if nobody has counted it.
    """

    text: int
    images: int
    certain: int
    ceiling: int
    written: int = 0


class Booking(NamedTuple):
    """What a call is booked at, in tokens and dollars.

    `counted`: by our own count, as the report cannot be true. `doubt`: our count less the cost booked, if positive;
    it counts against the job's cap. `excess`: the cost booked less our count, if positive. `known`: False where the
    provider reported nothing, and `cost` is the highest possible.
    """

    usage: Usage
    counted: bool
    cost: Decimal
    doubt: Decimal = NOTHING
    excess: Decimal = NOTHING
    known: bool = True


def credible(reported: Usage, count: Count) -> bool:
    """Whether the reported tokens can be true: no less than the images cost, some for text, no part above its sum."""
    parts = max(reported.cached_tokens + reported.cache_write_tokens, reported.image_tokens)
    silent = reported.output_tokens == 0 and count.written > 0
    return reported.input_tokens > count.certain and reported.input_tokens >= parts and not silent


def book(reported: Usage, count: Count, price: Price | None) -> Booking:
    """Book the reported tokens, or our own count if they are not credible; see Booking."""
    counted = not credible(reported, count)
    usage = _believed(reported, count, counted)
    if price is None:
        return Booking(usage, counted, NOTHING)
    cost = price.charge(usage)
    # Images come last and differ: only the text before them can have been read from a cache.
    cached = min(usage.cached_tokens, count.text)
    written = max(min(usage.output_tokens, count.ceiling), count.written)
    above = cost - price.charge(Usage(count.images + count.text, written, 0, cached))
    return Booking(usage, counted, cost, max(NOTHING, -above), max(NOTHING, above))


def _believed(reported: Usage, count: Count, counted: bool) -> Usage:
    """The tokens to book. Where a total exceeds its parts, the rest is hidden output (reasoning)."""
    input_tokens, output_tokens = reported.input_tokens, reported.output_tokens
    if counted:
        input_tokens = max(input_tokens, count.images + count.text)
        output_tokens = max(output_tokens, count.written)
    output_tokens = max(output_tokens, reported.total_tokens - input_tokens)
    if counted:
        return Usage(input_tokens, output_tokens, count.images)
    images = reported.image_tokens or min(count.images, input_tokens)
    return Usage(input_tokens, output_tokens, images, reported.cached_tokens, reported.cache_write_tokens)
