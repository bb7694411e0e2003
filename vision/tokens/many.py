"""Counts image tokens of many sizes at once with numpy: the same results as `count_sent`, millions a second."""

import numpy as np
from numpy.typing import ArrayLike

from vision.errors import InvalidRequest
from vision.tokens.arrays import REFUSED, Ints, count, within
from vision.tokens.count import MAX_SIDE, level_of
from vision.tokens.fit import KEPT, NO_FIT, Fit
from vision.tokens.formulas.levels import Level
from vision.tokens.formulas.tiles import Fixed

BLOCK = 1 << 14
"""Sizes worked on at a time: their arrays stay in the processor's cache, and memory stays flat."""


def count_many(rule: str, detail: str, widths: ArrayLike, heights: ArrayLike, fit: Fit = NO_FIT) -> Ints:
    """Tokens of each image of `widths[i]` x `heights[i]` pixels when sent at its `sent_size`.

    -1 where the provider would reject the image. InvalidRequest unknown_model, unsupported_detail, invalid_size.
    """
    level = level_of(rule, detail)[1]
    wide, high = _sides(widths, "widths"), _sides(heights, "heights")
    if wide.shape != high.shape:
        raise _invalid(
            f"There are {wide.size:,} widths and {high.size:,} heights; give one of each an image.", "heights"
        )
    tokens = np.empty(wide.size, np.int64)
    if isinstance(level, Fixed):
        tokens.fill(level.tokens)
        return tokens
    for start in range(0, wide.size, BLOCK):
        block = slice(start, start + BLOCK)
        tokens[block] = _sent(level, fit, wide[block].astype(np.int64), high[block].astype(np.int64))
    return tokens


def _sent(level: Level, fit: Fit, widths: Ints, heights: Ints) -> Ints:
    if fit.max_side is not None:
        return count(level, *within(widths, heights, fit.max_side)).tokens
    if fit.kind == "snap" and level.cell is not None:
        return _snapped(level, level.cell, widths, heights)
    return count(level, widths, heights).tokens


def _snapped(level: Level, cell: int, widths: Ints, heights: Ints) -> Ints:
    """As `fit.sent_size`, for the tokens alone: the fewest of the given size and of the next lower grid lines."""
    tokens, widths, heights = count(level, widths, heights)
    for across, along in ((widths, heights), (heights, widths)):
        lines = across - across % cell
        near = np.flatnonzero((lines < across) & (100 * lines >= KEPT * across) & (tokens != REFUSED))
        line, side, other = lines[near], along[near], across[near]
        scaled = np.maximum((2 * side * line + other) // (2 * other), -(-KEPT * side // 100))
        size = (line, scaled) if across is widths else (scaled, line)
        tokens[near] = np.minimum(tokens[near], count(level, *size).tokens)
    return tokens


def _sides(given: ArrayLike, name: str) -> Ints:
    """The sides as an array of integers, of the type given."""
    sides = np.asarray(given)
    if sides.ndim != 1:
        raise _invalid(f"{name} has {sides.ndim} dimensions; give a list of pixels.", name)
    if not sides.size:
        return sides.astype(np.int64)
    if sides.dtype.kind not in "iu":
        raise _invalid(f"{name} holds {sides.dtype}; give whole pixels from 1 to {MAX_SIDE:,}.", name)
    wrong = (sides < 1) | (sides > MAX_SIDE)
    if wrong.any():
        index = int(wrong.argmax())
        raise _invalid(f"{name}[{index}] is {sides[index]}; give whole pixels from 1 to {MAX_SIDE:,}.", name)
    return sides


def _invalid(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_size", param=param)
