"""The items of an estimate: for pictures on this machine only their sizes are sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from cli.problems import SHOWN, Problem
from cli.sources import local_sizes
from cli.sources.manifests import ManifestEntry
from cli.sources.paths import Sources, fault, local_images
from vision.errors import ImageError

REPLACED = frozenset({"image", "images", "width", "height"})


class SizedItems:
    """Sources as JSON lines, read while they are sent. Items whose pictures cannot be read are left out."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._left_out: list[int] = []
        self.unreadable: list[str] = []
        """The first of those left out, each with the reason."""

    def __iter__(self) -> Iterator[bytes]:
        """The lines; Problem lists the entries that are wrong, or says that there is nothing to send."""
        self._left_out, self.unreadable = [], []
        number, entries = 0, iter(self._sources)
        for number, entry in enumerate(entries, 1):
            here = local_images(entry.item)
            # The service checks items that are sent unchanged.
            if problem := entry.problem or (fault(entry.item, number) if here else None):
                raise Problem("Some lines cannot be used:", details=_all(entry, problem, entries))
            try:
                item = _sized(entry.item) if here else entry.item
            except ImageError as error:
                self._leave_out(number, f"{entry.place}: {error.message} [{error.code}]")
            else:
                yield orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE)
        self.unreadable += self._sources.skipped()[: SHOWN - len(self.unreadable)]
        if number == len(self._left_out):
            raise self._nothing()

    @property
    def left_out(self) -> int:
        """How many items were left out."""
        return len(self._left_out) + len(self._sources.left_out)

    def place(self, line: int) -> str:
        """Where the item that was sent in this line (from 1) was read."""
        for number in self._left_out:
            line += number <= line
        return self._sources.place(line)

    def _leave_out(self, number: int, reason: str) -> None:
        self._left_out.append(number)
        if len(self.unreadable) < SHOWN:
            self.unreadable.append(reason)

    def _nothing(self) -> Problem:
        if self.left_out:
            return Problem("None of the images can be read:", details=self.unreadable)
        return Problem("There is nothing to estimate: the sources hold no images.")


def _all(entry: ManifestEntry, problem: str, rest: Iterator[ManifestEntry]) -> list[str]:
    """This problem and those of the entries after it, as many as are shown."""
    problems = [f"{entry.place}: {problem}"]
    for other in rest:
        if other.problem:
            problems.append(f"{other.place}: {other.problem}")
        if len(problems) > SHOWN:
            break
    return problems


def _sized(item: dict[str, Any]) -> dict[str, Any]:
    """The item, with sizes in place of pictures on this machine; ImageError if one of them cannot be read."""
    images = item.get("images") or [item["image"]]
    if not all(isinstance(image, Path) for image in images):
        raise ImageError(
            "An item of an estimate has all its images on this machine, or none.", code="image_unsupported"
        )
    rest = {name: value for name, value in item.items() if name not in REPLACED}
    return rest | {"sizes": [local_sizes.read(image) for image in images]}
