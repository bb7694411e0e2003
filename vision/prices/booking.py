"""What is booked for a call that was answered: what the provider told, or our own count where that cannot be true."""

from dataclasses import dataclass, replace
from decimal import Decimal

from vision.prices.price import Price, Usage


@dataclass(frozen=True, slots=True)
class Count:
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


@dataclass(frozen=True, slots=True)
class Booking:
    """What a call is booked at, in tokens and dollars.

    `counted`: by our own count, because what was told cannot be true. `doubt`: by how much our count is above the cost
    booked; it is held against the job's cap. `excess`: by how much the cost booked is above our count.
    """

    usage: Usage
    counted: bool
    cost: Decimal
    doubt: Decimal = Decimal(0)
    excess: Decimal = Decimal(0)


def credible(told: Usage, count: Count) -> bool:
    """Whether the tokens told can be true: the images alone cost so much, no text is empty, no part exceeds its sum."""
    parts = max(told.cached_tokens + told.cache_write_tokens, told.image_tokens)
    silent = told.output_tokens == 0 and count.written > 0
    return told.input_tokens > count.certain and told.input_tokens >= parts and not silent


def book(told: Usage, count: Count, price: Price | None) -> Booking:
    """The larger of what was told and what is certain; see Booking."""
    counted = not credible(told, count)
    own_input = count.images + count.text
    usage = replace(told, total_tokens=0)
    if counted:
        usage = Usage(max(own_input, told.input_tokens), max(told.output_tokens, count.written), count.images)
    # What a total tells beyond its parts can only have been written, out of sight.
    usage = replace(usage, output_tokens=max(usage.output_tokens, told.total_tokens - usage.input_tokens))
    if price is None:
        return Booking(usage, counted, Decimal(0))
    own = Usage(
        input_tokens=own_input,
        output_tokens=max(min(usage.output_tokens, count.ceiling), count.written),
        # Images come last and differ: only the text before them can have been read from a cache.
        cached_tokens=min(usage.cached_tokens, count.text),
    )
    cost, by_count = price.charge(usage), price.charge(own)
    return Booking(usage, counted, cost, max(Decimal(0), by_count - cost), max(Decimal(0), cost - by_count))
