"""The outcome of an attempt at an item."""

from dataclasses import dataclass
from decimal import Decimal

from vision.jobs.lifecycle import ItemStatus, Phase
from vision.prices import Usage
from vision.storage.queue.leased_item import LeasedItem

NOTHING = Usage(0, 0)


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt, for the ledger. `known` False: what it cost is not known and `cost` is the most it can be.

    `counted`, `doubt`, `excess`: see `vision.prices.Booking`.
    """

    lane: str
    outcome: str
    usage: Usage
    cost: Decimal
    known: bool = True
    request_id: str | None = None
    counted: bool = False
    doubt: Decimal = Decimal(0)
    excess: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One item's outcome: a result, another try after `again_seconds`, or (neither) given back unsent.

    `uses_attempt` is False where nothing was sent, or our own pacing was at fault.
    """

    item: LeasedItem
    charge: Charge | None = None
    status: ItemStatus | None = None
    answer: object = None
    error_code: str | None = None
    error_message: str | None = None
    latency_ms: int | None = None
    again_seconds: float | None = None
    phase: Phase = Phase.CALL
    uses_attempt: bool = True
    image_tokens: int | None = None
    """Tokens of its images, where they differ from what was declared or measured before."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Of all its images, if it has several and their tokens turned out to differ."""
    size: tuple[int, int] | None = None
    """Width and height in pixels of its first image, where they were declared wrong."""

    @property
    def attempts(self) -> int:
        """Tries up to now."""
        return self.item.attempt + self.uses_attempt

    @property
    def tokens(self) -> dict[str, int]:
        """What this try took, by the names of the columns; zeros if nothing was sent."""
        usage = self.charge.usage if self.charge else NOTHING
        return {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "image_tokens": usage.image_tokens,
            "cached_tokens": usage.cached_tokens,
        }
