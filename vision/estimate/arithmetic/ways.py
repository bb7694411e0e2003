"""Items counted in every way that is asked for: by each rule, at each detail, fitted as said."""

from collections.abc import Iterable
from typing import NamedTuple

from vision.estimate.arithmetic.sums import Sums
from vision.tokens import Fit, fixed_tokens, get_rule

MOST_IMAGES = 50_000
"""Different images that are held until they are counted."""


class Way(NamedTuple):
    """A rule and a detail of it, the fit, and the most image tokens that one call may have (None: any number)."""

    rule: str
    detail: str
    fit: Fit
    room: int | None = None


class _Level(NamedTuple):
    """What tokens depend on; models that count alike share it."""

    level: object
    fit: Fit


class Ways:
    """Sums by way. Items that are alike are counted once, and so are models that count alike."""

    def __init__(self, ways: Iterable[Way]) -> None:
        self._sums: dict[tuple[_Level, int | None], Sums] = {}
        self._rooms: dict[_Level, list[int | None]] = {}
        self._ways: dict[_Level, Way] = {}
        for way in ways:
            self._ways.setdefault(_level(way), way)
            if (_level(way), way.room) not in self._sums:
                self._sums[_level(way), way.room] = Sums()
                self._rooms.setdefault(_level(way), []).append(way.room)
        fixed = {level: fixed_tokens(way.rule, way.detail) for level, way in self._ways.items()}
        self._fixed = {level: tokens for level, tokens in fixed.items() if tokens is not None}
        self._by_size = self._ways.keys() - self._fixed.keys()
        self._images: dict[int, int] = {}
        """Images of an item → how many items have so many."""
        self._sizes: dict[tuple[int, ...], int] = {}
        self._held = 0

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
            self._held += images
            if self._held >= MOST_IMAGES:
                self._count()

    def add_unsized(self, images: int) -> None:
        """An item of so many images of unknown size; counts only where sizes do not matter."""
        self._images[images] = self._images.get(images, 0) + 1

    def sums(self, way: Way) -> Sums:
        """Of everything added so far."""
        self._count()
        return self._sums[_level(way), way.room]

    def _count(self) -> None:
        from vision.estimate.arithmetic import arrays  # noqa: PLC0415 - loads numpy, which taking jobs in does not need

        if self._images:
            for level, each in self._fixed.items():
                tokens, counts = arrays.count_alike(each, self._images)
                for room in self._rooms[level]:
                    self._sums[level, room] += arrays.summed(tokens, counts, room)
            self._images = {}
        if self._sizes:
            items = arrays.batch(self._sizes)
            for level in self._by_size:
                way = self._ways[level]
                tokens = arrays.count(way.rule, way.detail, way.fit, items)
                for room in self._rooms[level]:
                    self._sums[level, room] += arrays.summed(tokens, items.counts, room)
            self._sizes, self._held = {}, 0


def _level(way: Way) -> _Level:
    return _Level(get_rule(way.rule).levels[way.detail], way.fit)
