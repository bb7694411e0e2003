"""The arithmetic of the levels on arrays of sizes: int64 throughout, and a root that floats find only to be corrected.

The twin of `count` in patches.py and tiles.py. Sides are at most 2³¹ - 1, so no product here leaves int64.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vision.tokens.facts import Level
from vision.tokens.patches import PATCH, Patches
from vision.tokens.tiles import TILE, Fixed, Tiles

Ints = NDArray[np.int64]
REFUSED = -1


class Counted(NamedTuple):
    """Tokens, REFUSED where the model takes no such image, and the sizes that the model sees."""

    tokens: Ints
    widths: Ints
    heights: Ints


def count(level: Level, widths: Ints, heights: Ints) -> Counted:
    """Each size under a level."""
    match level:
        case Patches():
            return _patches(level, widths, heights)
        case Tiles():
            return _tiles(level, widths, heights)
        case Fixed():
            return Counted(np.full_like(widths, level.tokens), widths, heights)


def within(widths: Ints, heights: Ints, side: int) -> tuple[Ints, Ints]:
    """As `scale.within`."""
    longer = np.maximum(widths, heights)
    large = np.flatnonzero(longer > side)
    if not large.size:
        return widths, heights
    widths, heights, longer = widths.copy(), heights.copy(), longer[large]
    for lengths in (widths, heights):
        lengths[large] = np.maximum(1, (2 * side * lengths[large] + longer) // (2 * longer))
    return widths, heights


def _patches(level: Patches, widths: Ints, heights: Ints) -> Counted:
    widths, heights = within(widths, heights, level.side)
    patches = _cover(widths, heights)
    if level.budget is not None:
        over = np.flatnonzero(patches > level.budget)
        widths, heights = widths.copy(), heights.copy()
        widths[over], heights[over] = _shrink(widths[over], heights[over], level.budget)
        patches[over] = _cover(widths[over], heights[over])
    tokens = -(-patches * level.multiplier.numerator // level.multiplier.denominator)
    if level.limit is not None:
        tokens[patches > level.limit] = REFUSED
    return Counted(tokens, widths, heights)


def _cover(widths: Ints, heights: Ints) -> Ints:
    return -(-widths // PATCH) * -(-heights // PATCH)


def _shrink(widths: Ints, heights: Ints, budget: int) -> tuple[Ints, Ints]:
    """As `patches.shrink`."""
    columns, rows = _root(budget * widths // heights), _root(budget * heights // widths)
    by_width = columns * heights <= rows * widths
    wide = np.where(by_width, PATCH * columns, PATCH * rows * widths // heights)
    high = np.where(by_width, PATCH * columns * heights // widths, PATCH * rows)
    return np.maximum(1, wide), np.maximum(1, high)


def _root(numbers: Ints) -> Ints:
    """The whole part of each square root, exactly: what the floats give is only tried."""
    roots = np.sqrt(numbers).astype(np.int64)
    roots -= roots * roots > numbers
    roots += (roots + 1) * (roots + 1) <= numbers
    return roots


def _tiles(level: Tiles, widths: Ints, heights: Ints) -> Counted:
    extra = np.where(widths == heights, level.extra_square, level.extra_oblong)
    widths, heights = within(widths, heights, level.side)
    shorter = np.minimum(widths, heights)
    large = np.flatnonzero(shorter > level.short)
    widths, heights, shorter = widths.copy(), heights.copy(), shorter[large]
    for lengths in (widths, heights):
        lengths[large] = lengths[large] * level.short // shorter
    tiles = -(-widths // TILE) * -(-heights // TILE)
    return Counted(level.base + tiles * level.tile + extra, widths, heights)
