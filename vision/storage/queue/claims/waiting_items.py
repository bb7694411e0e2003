"""Items that are about to be leased, with the image tokens of the step that they wait for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import ImageError
from vision.storage.queue.claims.pieces import Piece
from vision.storage.queue.claims.turns import Turn
from vision.tokens import Fit, count_sent, fixed_tokens

KEPT_SIZES = 65_536


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """An item that is about to be leased; `piece`: which one of the claim's it belongs to, from 0."""

    number: int
    images: list[str]
    image_tokens: int | None
    width: int | None
    height: int | None
    unseen: bool
    piece: int


# Bounded for each piece, or else the planner reads the whole table for a job that is a large part of it.
_ITEMS = text("""
    SELECT i.number, i.images, i.image_tokens, i.width, i.height, i.unseen, p.place - 1 AS piece, i.sizes
    FROM unnest(CAST(:starts AS int[]), CAST(:stops AS int[])) WITH ORDINALITY AS p(start, stop, place)
    CROSS JOIN LATERAL (SELECT * FROM items WHERE job_id = :job_id AND number >= p.start AND number < p.stop
                        ORDER BY number LIMIT p.stop - p.start) i
    ORDER BY p.place, i.number
""")


async def read(connection: AsyncConnection, turn: Turn, pieces: Sequence[Piece]) -> list[WaitingItem]:
    """The items of these pieces, in order."""
    bounds: dict[str, list[int]] = {
        "starts": [piece.start for piece in pieces],
        "stops": [piece.stop for piece in pieces],
    }
    rows = await connection.execute(_ITEMS, {"job_id": turn.job_id, **bounds})
    if turn.rule is None or turn.step == 1:
        return [WaitingItem(*row[:-1]) for row in rows]
    rule = turn.rule
    return [_at_later_step(WaitingItem(*row[:-1]), row.sizes, turn, rule) for row in rows]


def _at_later_step(item: WaitingItem, sides: list[int] | None, turn: Turn, rule: str) -> WaitingItem:
    """The item with the image tokens of its call at a later step, by the sizes that are known since an earlier one.

    None where they are not known, or where the model refuses such an image: the attempt finds that out. `sides`: widths
    and heights in turn, of an item with several images.
    """
    if (fixed := fixed_tokens(rule, turn.detail)) is not None:
        return replace(item, image_tokens=fixed * len(item.images))
    sizes = _sizes(item, sides)
    try:
        tokens = sum(_count(rule, turn.detail, turn.fit, turn.max_side, *size) for size in sizes) if sizes else None
    except ImageError:
        tokens = None
    return replace(item, image_tokens=tokens)


def _sizes(item: WaitingItem, sides: list[int] | None) -> list[tuple[int, int]]:
    """Width and height of each image; empty if they are not known."""
    if sides:
        return list(zip(sides[::2], sides[1::2], strict=True))
    return [(item.width, item.height)] if len(item.images) == 1 and item.width and item.height else []


@lru_cache(maxsize=KEPT_SIZES)
def _count(rule: str, detail: str, fit: str, max_side: int | None, width: int, height: int) -> int:
    return count_sent(rule, detail, Fit(fit, max_side), width, height).tokens
