"""Extrapolates from the items that were read to all items, with a confidence interval."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from vision.estimate.arithmetic.sums import Sums

CONFIDENCE = 0.95
_NORMAL = 1.959964
"""Quantile of the normal distribution that leaves 2.5 % above it."""
_FEW = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764}


@dataclass(frozen=True)
class Extrapolation:
    """One way of sending `total` items.

    All items were read, or an even sample of a very long manifest. `known`: items whose tokens follow from their line.
    `unknown`: number of the other items read. `sampled`: a random part of these, whose images were measured.
    """

    total: int
    known: Sums
    unknown: int
    sampled: Sums

    @property
    def exact(self) -> bool:
        """Whether every item was counted."""
        return self.total == self._read and self.sampled.items == self.unknown

    def items(self) -> int:
        """Items that can be sent, of all."""
        return self._all(lambda sums: sums.accepted)

    def rejected(self) -> int:
        """Items that the provider would refuse, of all."""
        return self._all(lambda sums: sums.rejected)

    def too_large(self) -> int:
        """Items that are larger than the lane's bucket, of all."""
        return self._all(lambda sums: sums.too_large)

    def image_tokens(self) -> int:
        """Image tokens of all items."""
        return self._all(lambda sums: sums.image_tokens)

    def interval(self, per_token: float, per_item: float) -> tuple[float, float] | None:
        """The 95 % confidence interval of the sum over all items of `per_token` x image tokens + `per_item`.

        By Student's t, with finite population corrections, both for lines that were not read and for images that were
        not measured. Never below the sum of the measured. None if exact, or from a single image (no spread is known).
        """
        if self.exact or (self.unknown > self.sampled.items and self.sampled.items < 2):
            return None
        seen = self.known.moments(per_token, per_item)[0] + self.sampled.moments(per_token, per_item)[0]
        middle = self._scaled(0, per_token, per_item) * self.total / self._read
        reach = self._student() * sqrt(self._of_lines(per_token, per_item) + self._of_images(per_token, per_item))
        return max(seen, middle - reach), middle + reach

    @property
    def _read(self) -> int:
        return self.known.items + self.unknown

    def _all(self, number: Callable[[Sums], int]) -> int:
        """`number` extrapolated to all items, rounded to the nearest integer."""
        read = Fraction(number(self.known))
        if self.unknown:
            read += Fraction(number(self.sampled) * self.unknown, self.sampled.items)
        return int(read * self.total / self._read + Fraction(1, 2))

    def _scaled(self, moment: int, per_token: float, per_item: float) -> float:
        """A moment over the items read; unmeasured items are taken to be like the measured ones."""
        known = self.known.moments(per_token, per_item)[moment]
        if not self.unknown:
            return known
        return known + self.sampled.moments(per_token, per_item)[moment] * self.unknown / self.sampled.items

    def _of_lines(self, per_token: float, per_item: float) -> float:
        """Variance because not every line was read."""
        read, total = self._read, self.total
        if read == total:
            return 0.0
        first, second = (self._scaled(moment, per_token, per_item) for moment in (0, 1))
        return total**2 * (1 - read / total) * _variance(first, second, read) / read

    def _of_images(self, per_token: float, per_item: float) -> float:
        """Variance because not every image was measured."""
        size, of = self.sampled.items, self.unknown
        if size == of:
            return 0.0
        variance = _variance(*self.sampled.moments(per_token, per_item), size)
        return (self.total / self._read * of) ** 2 * (1 - size / of) * variance / size

    def _student(self) -> float:
        """The quantile for the smaller of the two samples."""
        return student((self.sampled.items if self.sampled.items < self.unknown else self._read) - 1)


def student(degrees: int) -> float:
    """The quantile of Student's t that leaves 2.5 % above it.

    From five degrees of freedom on by the expansion around the normal quantile (Abramowitz and Stegun, 26.7.5), which
    is within 0.001 there.
    """
    if degrees in _FEW:
        return _FEW[degrees]
    z, v = _NORMAL, float(max(degrees, 1))
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / v**power for power, term in enumerate(terms, 1))


def _variance(first: float, second: float, size: int) -> float:
    """A sample's variance from the sums of its values and of their squares; never negative."""
    return max(0.0, second - first * first / size) / max(1, size - 1)
