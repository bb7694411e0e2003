"""Counts arrays of sizes in int64; floats only where they are corrected, or where the rule itself uses them.

Mirrors `count` in patches.py, tiles.py, native.py and crops.py. Sides are at most 2³¹ - 1, so no product here
overflows int64.
"""

from typing import NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray

from vision.tokens.formulas import native, patches
from vision.tokens.formulas.crops import Crops
from vision.tokens.formulas.levels import Level
from vision.tokens.formulas.native import Native
from vision.tokens.formulas.patches import Patches
from vision.tokens.formulas.tiles import TILE, Fixed, Tiles

Ints = NDArray[np.int64]
REFUSED = -1


class Counted(NamedTuple):
    """Tokens (REFUSED where the model rejects the image), and the sizes that the model sees."""

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
        case Native():
            return _native(level, widths, heights)
        case Crops():
            return _crops(level, widths, heights)
        case Fixed():
            return Counted(np.full_like(widths, level.tokens), widths, heights)
        case _:
            assert_never(level)


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


def _cover(widths: Ints, heights: Ints, cell: int) -> Ints:
    return -(-widths // cell) * -(-heights // cell)


def _patches(level: Patches, widths: Ints, heights: Ints) -> Counted:
    widths, heights = within(widths, heights, level.side)
    covered = _cover(widths, heights, patches.PATCH)
    if level.budget is not None:
        over = np.flatnonzero(covered > level.budget)
        widths, heights = widths.copy(), heights.copy()
        widths[over], heights[over] = _shrink(widths[over], heights[over], level.budget)
        covered[over] = _cover(widths[over], heights[over], patches.PATCH)
    tokens = -(-covered * level.multiplier.numerator // level.multiplier.denominator)
    if level.limit is not None:
        tokens[covered > level.limit] = REFUSED
    return Counted(tokens, widths, heights)


def _shrink(widths: Ints, heights: Ints, budget: int) -> tuple[Ints, Ints]:
    """As `patches.shrink`."""
    columns, rows = _root(budget * widths // heights), _root(budget * heights // widths)
    by_width = columns * heights <= rows * widths
    wide = np.where(by_width, patches.PATCH * columns, patches.PATCH * rows * widths // heights)
    high = np.where(by_width, patches.PATCH * columns * heights // widths, patches.PATCH * rows)
    return np.maximum(1, wide), np.maximum(1, high)


def _root(numbers: Ints) -> Ints:
    """The exact integer square roots: the float results are corrected."""
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
    return Counted(level.base + _cover(widths, heights, TILE) * level.tile + extra, widths, heights)


def _native(level: Native, widths: Ints, heights: Ints) -> Counted:
    refused = np.maximum(widths, heights) > level.longest
    large = np.flatnonzero(~refused & ~_fits(level, widths, heights))
    longer, shorter = np.maximum(widths, heights)[large], np.minimum(widths, heights)[large]
    side = _longest(level, longer, shorter)
    along, upright = _along(side, longer, shorter), (heights > widths)[large]
    widths, heights = widths.copy(), heights.copy()
    widths[large], heights[large] = np.where(upright, along, side), np.where(upright, side, along)
    tokens = _cover(widths, heights, native.PATCH) if level.area is None else -(-widths * heights // level.area)
    tokens[refused] = REFUSED
    return Counted(tokens, widths, heights)


def _fits(level: Native, longer: Ints, shorter: Ints) -> NDArray[np.bool_]:
    columns, rows = -(-longer // native.PATCH), -(-shorter // native.PATCH)
    return (np.maximum(columns, rows) * native.PATCH <= level.edge) & (columns * rows <= level.budget)


def _longest(level: Native, longer: Ints, shorter: Ints) -> Ints:
    """The longest long side that fits, by bisection: `fitting` always fits, `over` never does."""
    fitting, over = np.ones_like(longer), np.minimum(longer, level.edge + 1)
    for _ in range(level.edge.bit_length()):
        middle = (fitting + over) // 2
        fits = _fits(level, middle, _along(middle, longer, shorter))
        fitting, over = np.where(fits, middle, fitting), np.where(fits, over, middle)
    return fitting


def _along(side: Ints, longer: Ints, shorter: Ints) -> Ints:
    """As `native.along`: the same two divisions, halves rounded to even."""
    return np.maximum(1, np.rint(side / (longer / shorter)).astype(np.int64))


def _crops(level: Crops, widths: Ints, heights: Ints) -> Counted:
    widths, heights = within(widths, heights, level.side)
    square = np.clip(2 * np.minimum(widths, heights) // 3, level.least, level.most)
    crops = -(-widths // square) * -(-heights // square)
    crops[np.maximum(widths, heights) <= level.small] = 1
    return Counted(level.tokens * crops, widths, heights)
