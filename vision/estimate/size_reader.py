"""One pass over a manifest that is only estimated: what is told goes into sums, and a few of the rest are kept."""

from collections.abc import Iterator
from random import Random
from uuid import UUID

from vision.errors import Detail, InvalidRequest
from vision.estimate.arithmetic import Ways
from vision.estimate.sample import Sampled
from vision.intake.lines import Items, chosen, count, read_to_estimate
from vision.intake.problems import MAX_PROBLEMS
from vision.jobs import ids

MOST_LINES = 1_000_000
"""Of a longer manifest so many lines are read, spread evenly: one at random out of each of so many equal parts."""
SAMPLE = 256
"""Items of unknown size that are kept to be measured."""
BATCH_LINES = 5_000

Uploads = dict[UUID, int]
"""Ids of uploads that lines name, and the line of each."""


class SizeReader:
    """What a manifest tells. Memory does not grow with its length."""

    def __init__(self, items: Items, ways: Ways, random: Random) -> None:
        self._items, self._ways, self._random = items, ways, random
        self.total = 0
        """Lines."""
        self.read = 0
        """Lines looked at: all, unless there are very many."""
        self.sized = 0
        """Of these, with the sizes of all their images."""
        self.sample: list[Sampled] = []
        """Up to SAMPLE of the others, each as likely as any."""
        self.problems: list[Detail] = []

    @property
    def unsized(self) -> int:
        """Lines looked at that do not tell the sizes of all their images."""
        return self.read - self.sized

    def batches(self) -> Iterator[Uploads]:
        """Reads on; after every few thousand lines, and at the end, what uploads they name. To be run in a thread."""
        self.total = count(self._items)
        wanted = _picks(self.total, min(self.total, MOST_LINES), self._random)
        uploads = Uploads()
        for index, (number, place, value) in enumerate(chosen(self._items, wanted), 1):
            self._take(number, place, value, uploads)
            if index % BATCH_LINES == 0:
                if len(self.problems) >= MAX_PROBLEMS:
                    return
                yield uploads
                uploads = {}
        yield uploads

    def _take(self, number: int, place: int, value: object, uploads: Uploads) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            return
        try:
            item = read_to_estimate((number, value))
        except InvalidRequest as error:
            self.problems.extend(error.details)
            return
        self.read += 1
        for source in item.images:
            if source.startswith("file_"):
                uploads.setdefault(ids.parse("file", source), number)
        if item.sizes is None:
            self._ways.add_unsized(len(item.images))
            self._draw(number, place, value)
        else:
            self.sized += 1
            self._ways.add(item.sizes)

    def _draw(self, number: int, place: int, value: object) -> None:
        """Keep the item, or not, so that each one so far is as likely to be in the sample."""
        drawn = len(self.sample) if self.unsized <= SAMPLE else self._random.randrange(self.unsized)
        if drawn < SAMPLE:
            size = len(value) if isinstance(value, bytes) else 0
            self.sample[drawn : drawn + 1] = [Sampled(number, place, size)]


def _picks(total: int, parts: int, random: Random) -> Iterator[int]:
    """A number out of each of `parts` parts of 1 … `total`, in order; every one if there are as many parts."""
    if parts == total:
        yield from range(1, total + 1)
        return
    for part in range(parts):
        yield random.randrange(part * total // parts, (part + 1) * total // parts) + 1
