"""What the next items' calls take: tokens for the fair share of the lane, money for the cap."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Self

from vision.errors import ImageError
from vision.jobs.lifecycle import Stage
from vision.prices import Price
from vision.storage.specs import most
from vision.tokens import Fit, count_sent, fixed_tokens, most_tokens

KEPT_SIZES = 65_536


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """An item that is about to be leased; `place`: of its range among those that the claim takes."""

    number: int
    images: list[str]
    image_tokens: int | None
    width: int | None
    height: int | None
    unseen: bool
    place: int

    @classmethod
    def of(cls, row: Any, turn: Any) -> Self:
        """Of an item's row and the turn of the step that it waits for."""
        tokens = row.image_tokens if turn.step == 1 else _later_tokens(row, turn)
        return cls(row.number, row.images, tokens, row.width, row.height, row.unseen, row.place)


@dataclass(frozen=True, slots=True)
class Cost:
    """What to set money aside by: prices, and the rule of the lane's image tokens."""

    price: Price | None
    rule: str

    def most(self, turn: Any, item: WaitingItem) -> Decimal:
        """What the item's call can cost at most, in dollars."""
        images = item.image_tokens or 0
        if item.unseen:
            images = max(images, len(item.images) * most_tokens(self.rule, turn.detail))
        return most(self.price, images + turn.prompt_tokens, turn.max_output_tokens)


def service(turn: Any, items: Sequence[WaitingItem], stage: Stage) -> float:
    """What a job's place in the queue is charged: its calls' tokens over its weight; measuring hardly counts.

    A call without tokens counts as one, so that jobs share such a lane by their calls.
    """
    if stage is Stage.MEASURE:
        return float(len(items) / turn.weight)
    tokens = sum(max(1, (item.image_tokens or 0) + turn.prompt_tokens + turn.max_output_tokens) for item in items)
    return float(tokens / turn.weight)


def _later_tokens(row: Any, turn: Any) -> int | None:
    """Image tokens of the item's call at a later step, by the sizes that are known since an earlier one.

    None where they are not known, or where the model refuses such an image: whoever works on the item finds that out.
    """
    if (fixed := fixed_tokens(turn.rule, turn.detail)) is not None:
        return fixed * len(row.images)
    sizes = _sizes(row)
    try:
        return sum(_count(turn.rule, turn.detail, turn.fit, turn.max_side, *size) for size in sizes) if sizes else None
    except ImageError:
        return None


def _sizes(row: Any) -> list[tuple[int, int]]:
    """Width and height of each image; empty if they are not known."""
    if row.sizes:
        return list(zip(row.sizes[::2], row.sizes[1::2], strict=True))
    return [(row.width, row.height)] if len(row.images) == 1 and row.width else []


@lru_cache(maxsize=KEPT_SIZES)
def _count(rule: str, detail: str, fit: str, max_side: int | None, width: int, height: int) -> int:
    return count_sent(rule, detail, Fit(fit, max_side), width, height).tokens
