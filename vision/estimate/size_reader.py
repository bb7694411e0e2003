"""Reads a manifest for an estimate: items with declared sizes go into sums, a sample of the others is kept."""

from collections.abc import Iterator, Sequence
from random import Random
from uuid import UUID

from vision.errors import Detail, InvalidRequest
from vision.estimate.arithmetic import Ways
from vision.estimate.sample import Sampled
from vision.intake.lines import Items, count, located, read_to_estimate
from vision.intake.problems import MAX_PROBLEMS, too_many_images
from vision.jobs import ids
from vision.provider.catalogue import Lane

MOST_LINES = 1_000_000
"""Of a longer manifest so many lines are read: a random one out of each of so many equal parts."""
SAMPLE = 256
"""Items of unknown size that are kept to be measured."""
BATCH_LINES = 5_000

Uploads = dict[UUID, int]
"""Ids of uploads that lines name → the number of the line."""


class SizeReader:
    """Reads a manifest. Memory does not grow with its length."""

    def __init__(self, items: Items, ways: Ways, random: Random, lanes: Sequence[Lane] = ()) -> None:
        self._items, self._ways, self._random, self._lanes = items, ways, random, lanes
        self.total = 0
        """Lines."""
        self.read = 0
        """Lines read: all, or MOST_LINES of a longer manifest."""
        self.sized = 0
        """Lines read that declare the sizes of all their images."""
        self.sample: list[Sampled] = []
        """Up to SAMPLE of the others, each with the same probability."""
        self.problems: list[Detail] = []

    @property
    def unsized(self) -> int:
        """Lines read that do not declare the sizes of all their images."""
        return self.read - self.sized

    def batches(self) -> Iterator[Uploads]:
        """Read on; yields the uploads that each BATCH_LINES lines name. Blocks: run it in a thread."""
        self.total = count(self._items)
        wanted = _picks(self.total, min(self.total, MOST_LINES), self._random)
        uploads = Uploads()
        for index, (number, offset, value) in enumerate(located(self._items, wanted), 1):
            self._take(number, offset, value, uploads)
            if index % BATCH_LINES == 0:
                if len(self.problems) >= MAX_PROBLEMS:
                    return
                yield uploads
                uploads = {}
        yield uploads

    def _take(self, number: int, offset: int, value: object, uploads: Uploads) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            return
        try:
            item = read_to_estimate((number, value))
        except InvalidRequest as error:
            self.problems.extend(error.details)
            return
        if most := too_many_images(number, len(item.sizes or item.images), self._lanes):
            self.problems.append(most)
            return
        self.read += 1
        for source in item.images:
            if source.startswith("file_"):
                uploads.setdefault(ids.parse("file", source), number)
        if item.sizes is None:
            self._ways.add_unsized(len(item.images))
            self._draw(number, offset, value)
        else:
            self.sized += 1
            self._ways.add(item.sizes)

    def _draw(self, number: int, offset: int, value: object) -> None:
        """Put the item into the sample, or not: every item so far has the same probability (reservoir sampling)."""
        drawn = len(self.sample) if self.unsized <= SAMPLE else self._random.randrange(self.unsized)
        if drawn < SAMPLE:
            size = len(value) if isinstance(value, bytes) else 0
            self.sample[drawn : drawn + 1] = [Sampled(number, offset, size)]


def _picks(total: int, parts: int, random: Random) -> Iterator[int]:
    """A random number out of each of `parts` equal parts of 1 … `total`, in order."""
    if parts == total:
        yield from range(1, total + 1)
        return
    for part in range(parts):
        yield random.randrange(part * total // parts, (part + 1) * total // parts) + 1
