"""Counts items in several ways at once: each by a rule, a detail and a fit."""

from collections.abc import Iterable
from typing import NamedTuple

from vision.estimate.arithmetic.sums import Sums
from vision.tokens import Fit, fixed_tokens, get_rule

MOST_IMAGES = 50_000
"""Different images that are kept until they are counted."""


class Way(NamedTuple):
    """A rule, a detail, a fit, and the most image tokens that one call may have (None: any number)."""

    rule: str
    detail: str
    fit: Fit
    max_image_tokens: int | None = None


class _Level(NamedTuple):
    """What tokens depend on; models that count the same way share it."""

    level: object
    fit: Fit


class Ways:
    """Sums for each way. Equal items are counted once, and models that count the same way together."""

    def __init__(self, ways: Iterable[Way]) -> None:
        self._sums: dict[tuple[_Level, int | None], Sums] = {}
        self._limits: dict[_Level, list[int | None]] = {}
        self._ways: dict[_Level, Way] = {}
        for way in ways:
            self._ways.setdefault(_level(way), way)
            if (_level(way), way.max_image_tokens) not in self._sums:
                self._sums[_level(way), way.max_image_tokens] = Sums()
                self._limits.setdefault(_level(way), []).append(way.max_image_tokens)
        fixed = {level: fixed_tokens(way.rule, way.detail) for level, way in self._ways.items()}
        self._fixed = {level: tokens for level, tokens in fixed.items() if tokens is not None}
        self._by_size = self._ways.keys() - self._fixed.keys()
        self._images: dict[int, int] = {}
        """Images of an item → how many items have so many."""
        self._sizes: dict[tuple[int, ...], int] = {}
        self._kept = 0

    @property
    def need_sizes(self) -> bool:
        """Whether the tokens depend on the images' sizes in any way."""
        return bool(self._by_size)

    def add(self, sides: tuple[int, ...]) -> None:
        """An item by the sides of its images: w, h, w, h, … in pixels."""
        images = len(sides) // 2
        if self._fixed:
            self.add_unsized(images)
        if not self._by_size:
            return
        known = self._sizes.get(sides, 0)
        self._sizes[sides] = known + 1
        if not known:
            self._kept += images
            if self._kept >= MOST_IMAGES:
                self._count()

    def add_unsized(self, images: int) -> None:
        """An item of so many images of unknown size; it counts only in ways that do not depend on sizes."""
        self._images[images] = self._images.get(images, 0) + 1

    def sums(self, way: Way) -> Sums:
        """The sums of everything added so far."""
        self._count()
        return self._sums[_level(way), way.max_image_tokens]

    def _count(self) -> None:
        from vision.estimate.arithmetic import arrays  # noqa: PLC0415 - loads numpy, which taking jobs in does not need

        if self._images:
            for level, each in self._fixed.items():
                tokens, counts = arrays.count_alike(each, self._images)
                for max_image_tokens in self._limits[level]:
                    self._sums[level, max_image_tokens] += arrays.summed(tokens, counts, max_image_tokens)
            self._images = {}
        if self._sizes:
            items = arrays.item_sizes(self._sizes)
            for level in self._by_size:
                way = self._ways[level]
                tokens = arrays.count(way.rule, way.detail, way.fit, items)
                for max_image_tokens in self._limits[level]:
                    self._sums[level, max_image_tokens] += arrays.summed(tokens, items.counts, max_image_tokens)
            self._sizes, self._kept = {}, 0


def _level(way: Way) -> _Level:
    return _Level(get_rule(way.rule).levels[way.detail], way.fit)
