"""Models that see an image as patches of 32x32 pixels."""

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import ClassVar

from vision.errors import ImageError
from vision.tokens.formulas.scale import within

PATCH = 32


def cover(width: int, height: int) -> int:
    """How many patches it takes to cover `width` x `height` pixels."""
    return -(-width // PATCH) * -(-height // PATCH)


def shrink(width: int, height: int, budget: int) -> tuple[int, int]:
    """The size that an image over the budget is scaled down to, exactly by the guide's formula.

    The guide: s = √(32²·budget ÷ wh), then scaled by s · min(⌊ws/32⌋ ÷ (ws/32), ⌊hs/32⌋ ÷ (hs/32)) and floored.
    ⌊ws/32⌋ is ⌊√(budget·w/h)⌋, so s cancels out and no root is ever rounded: the side that decides becomes a whole
    number of patches. For an image over the budget one of those whole numbers is below its side; it never grows.
    """
    columns, rows = isqrt(budget * width // height), isqrt(budget * height // width)
    if columns * height <= rows * width:
        size = PATCH * columns, PATCH * columns * height // width
    else:
        size = PATCH * rows * width // height, PATCH * rows
    return max(1, size[0]), max(1, size[1])


@dataclass(frozen=True, slots=True)
class Patches:
    """One detail level: fit into `side`, shrink into `budget`, refuse over `limit`, then ⌈patches x multiplier⌉."""

    cell: ClassVar[int] = PATCH
    multiplier: Fraction
    side: int
    budget: int | None
    limit: int | None

    @property
    def ceiling(self) -> int:
        """Tokens of the largest image that is not refused."""
        patches = min(each for each in (self.budget, self.limit, cover(self.side, self.side)) if each is not None)
        return -(-patches * self.multiplier.numerator // self.multiplier.denominator)

    def count(self, width: int, height: int) -> tuple[int, int, int, int, None]:
        """Tokens, size used, patches, and no tiles; ImageError image_too_many_patches."""
        used, patches = self._used(width, height)
        if self.limit is not None and patches > self.limit:
            raise self._refusal(width, height, patches)
        tokens = -(-patches * self.multiplier.numerator // self.multiplier.denominator)
        return tokens, *used, patches, None

    def _used(self, width: int, height: int) -> tuple[tuple[int, int], int]:
        used = within(width, height, self.side)
        patches = cover(*used)
        if self.budget is None or patches <= self.budget:
            return used, patches
        used = shrink(*used, self.budget)
        return used, cover(*used)

    def _refusal(self, width: int, height: int, patches: int) -> ImageError:
        fitting = self._largest(width, height)
        return ImageError(
            f"{width}x{height} pixels are {patches:,} patches; the model takes {self.limit:,} an image. "
            f"The largest size of this shape that fits is {fitting[0]}x{fitting[1]}; or ask for detail high.",
            code="image_too_many_patches",
        )

    def _largest(self, width: int, height: int) -> tuple[int, int]:
        # Patches never fall as the long side grows, so the last side that fits is found by bisection.
        sides = range(1, min(max(width, height), self.side) + 1)
        longest = bisect_right(sides, self.limit or 0, key=lambda side: cover(*within(width, height, side)))
        return within(width, height, max(1, longest))
