"""What the next items' calls take: tokens for the fair share of the lane, money for the cap."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from vision.jobs.lifecycle import Phase
from vision.prices import Price
from vision.storage.queue.claims.turns import Turn
from vision.storage.queue.claims.waiting_items import WaitingItem
from vision.storage.specs import most
from vision.tokens import most_tokens


@dataclass(frozen=True, slots=True)
class Cost:
    """What to set money aside by: prices, and the rule of the lane's image tokens."""

    price: Price | None
    rule: str

    def most(self, turn: Turn, item: WaitingItem) -> Decimal:
        """What the item's call can cost at most, in dollars."""
        images = item.image_tokens or 0
        if item.unseen:
            images = max(images, len(item.images) * most_tokens(self.rule, turn.detail))
        return most(self.price, images + turn.prompt_tokens, turn.max_output_tokens)


def service(turn: Turn, items: Sequence[WaitingItem], phase: Phase) -> float:
    """What a turn is charged, for the fair order on its lane: its calls' tokens over its job's weight.

    Measuring hardly counts. A call without tokens counts as one, so that jobs share such a lane by their calls.
    """
    if phase is Phase.MEASURE:
        return float(len(items) / turn.weight)
    tokens = sum(max(1, (item.image_tokens or 0) + turn.prompt_tokens + turn.max_output_tokens) for item in items)
    return float(tokens / turn.weight)
