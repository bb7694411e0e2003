"""What is booked for a call that was answered: what the provider told, or our own count where that cannot be true."""

from decimal import Decimal
from typing import NamedTuple

from vision.prices.price import Price, Usage

NOTHING = Decimal(0)


class Count(NamedTuple):
    """Our own count of one call, in tokens, by the published rules.

    `text`: its instructions and schema. `images`: all its images, at most. `certain`: the least that they must cost,
    which is less where nobody has seen them. `ceiling`: the longest answer that was asked for. `written`: the answer
    that came, as far as it can be read; 0 if nobody has counted it.
    """

    text: int
    images: int
    certain: int
    ceiling: int
    written: int = 0


class Booking(NamedTuple):
    """What a call is booked at, in tokens and dollars.

    `counted`: by our own count, because what was told cannot be true. `doubt`: by how much our count is above the cost
    booked; it is held against the job's cap. `excess`: by how much the cost booked is above our count. `known`: False
    where the provider told nothing, and `cost` is the most that it can be.
    """

    usage: Usage
    counted: bool
    cost: Decimal
    doubt: Decimal = NOTHING
    excess: Decimal = NOTHING
    known: bool = True


def credible(told: Usage, count: Count) -> bool:
    """Whether the tokens told can be true: the images alone cost so much, no text is empty, no part exceeds its sum."""
    parts = max(told.cached_tokens + told.cache_write_tokens, told.image_tokens)
    silent = told.output_tokens == 0 and count.written > 0
    return told.input_tokens > count.certain and told.input_tokens >= parts and not silent


def book(told: Usage, count: Count, price: Price | None) -> Booking:
    """The larger of what was told and what is certain; see Booking."""
    counted = not credible(told, count)
    usage = _believed(told, count, counted)
    if price is None:
        return Booking(usage, counted, NOTHING)
    cost = price.charge(usage)
    # Images come last and differ: only the text before them can have been read from a cache.
    cached = min(usage.cached_tokens, count.text)
    written = max(min(usage.output_tokens, count.ceiling), count.written)
    above = cost - price.charge(Usage(count.images + count.text, written, 0, cached))
    return Booking(usage, counted, cost, max(NOTHING, -above), max(NOTHING, above))


def _believed(told: Usage, count: Count, counted: bool) -> Usage:
    """The tokens to book. What a total tells beyond its parts can only have been written, out of sight."""
    input_tokens, output_tokens = told.input_tokens, told.output_tokens
    if counted:
        input_tokens = max(input_tokens, count.images + count.text)
        output_tokens = max(output_tokens, count.written)
    output_tokens = max(output_tokens, told.total_tokens - input_tokens)
    if counted:
        return Usage(input_tokens, output_tokens, count.images)
    images = told.image_tokens or min(count.images, input_tokens)
    return Usage(input_tokens, output_tokens, images, told.cached_tokens, told.cache_write_tokens)
