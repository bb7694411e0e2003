"""Counts many items at a time with numpy; a module of its own, so that only estimates load numpy."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from vision.estimate.arithmetic.sums import Sums
from vision.tokens import Fit
from vision.tokens.many import count_many

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class ItemSizes:
    """Different items: sizes of all their images in a row, where each item's begin, how often each item occurs."""

    widths: Whole
    heights: Whole
    starts: Whole
    counts: Whole


def item_sizes(sizes: Mapping[tuple[int, ...], int]) -> ItemSizes:
    """`sizes`: sides of an item's images (w, h, w, h, …) → how many items have them; must not be empty."""
    lengths = np.fromiter(map(len, sizes), np.int64, len(sizes))
    sides = np.fromiter(chain.from_iterable(sizes), np.int64, int(lengths.sum()))
    starts = (np.cumsum(lengths) - lengths) // 2
    return ItemSizes(sides[::2], sides[1::2], starts, np.fromiter(sizes.values(), np.int64, len(sizes)))


def count(rule: str, detail: str, fit: Fit, items: ItemSizes) -> Whole:
    """Image tokens of each item; -1 if the provider would refuse one of its images."""
    each = count_many(rule, detail, items.widths, items.heights, fit)
    if len(items.starts) == len(each):
        return each
    whole: Whole = np.add.reduceat(each, items.starts)
    whole[np.minimum.reduceat(each, items.starts) < 0] = -1
    return whole


def count_alike(tokens: int, images: Mapping[int, int]) -> tuple[Whole, Whole]:
    """Tokens of items whose images cost `tokens` each; `images`: images of an item → how many items have so many."""
    numbers = np.fromiter(images, np.int64, len(images))
    return numbers * tokens, np.fromiter(images.values(), np.int64, len(images))


def summed(tokens: Whole, counts: Whole, max_image_tokens: int | None) -> Sums:
    """Sums over items of `tokens` each, `counts` times each; `max_image_tokens` of a call (None: no limit)."""
    refused = tokens < 0
    over = np.zeros_like(refused) if max_image_tokens is None else tokens > max_image_tokens
    taken = np.where(refused | over, 0, tokens)
    rejected, too_large = int(counts[refused].sum()), int(counts[over].sum())
    items = int(counts.sum())
    return Sums(
        items=items,
        accepted=items - rejected - too_large,
        rejected=rejected,
        too_large=too_large,
        image_tokens=int(taken @ counts),
        squares=float(taken.astype(np.float64) ** 2 @ counts),
    )
