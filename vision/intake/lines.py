"""Where a job's items come from: entries of a request, or lines of a file. Line number = item number."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from vision.errors import Detail, InvalidRequest
from vision.jobs.manifest import MAX_LINE_BYTES, ItemOrder, ItemSizes, read_item, read_line, read_sizes, read_sizes_line

PIECE = 1 << 20

Items = Sequence[Any] | Path
"""Inline items, or a file with one JSON object a line."""
NumberedItem = tuple[int, Any]
"""A number, and the entry: bytes of a line, or an inline item."""
Placed = tuple[int, int, Any]
"""The same with its place between them: where the line begins in its file, or the item in its list."""


def entries(items: Items) -> Iterator[NumberedItem]:
    """Numbered entries, one at a time: memory stays flat however long a file is."""
    return enumerate(_lines(items) if isinstance(items, Path) else items, 1)


def chosen(items: Items, numbers: Iterable[int]) -> Iterator[Placed]:
    """The entries of these rising numbers, each with the place by which `entry_at` finds it again.

    Lines between them are only passed over. To be `count`ed first, which refuses lines that are too long.
    """
    if not isinstance(items, Path):
        yield from ((number, number - 1, items[number - 1]) for number in numbers)
        return
    with items.open("rb") as file:
        passed = place = 0
        for number in numbers:
            if number > passed + 1:
                place += sum(map(len, islice(file, number - passed - 1)))
            line = file.readline()
            yield number, place, _bare(line)
            passed, place = number, place + len(line)


def entry_at(items: Items, number: int, place: int) -> NumberedItem:
    """An entry that was there before, read again."""
    if not isinstance(items, Path):
        return number, items[place]
    with items.open("rb") as file:
        file.seek(place)
        return number, _bare(file.readline())


def count(items: Items) -> int:
    """How many entries there are, without reading them; InvalidRequest if a line is too long."""
    if not isinstance(items, Path):
        return len(items)
    lines = begun = 0
    with items.open("rb") as file:
        while piece := file.read(PIECE):
            end = piece.find(b"\n")
            if begun + (end if end >= 0 else len(piece)) > MAX_LINE_BYTES:
                raise _too_long(lines + 1)
            lines += piece.count(b"\n")
            begun = begun + len(piece) if end < 0 else len(piece) - piece.rfind(b"\n") - 1
    return lines + (begun > 0)


def read(entry: NumberedItem) -> ItemOrder:
    """What an entry asks for; InvalidRequest with its line."""
    number, value = entry
    return read_line(value, number) if isinstance(value, bytes) else read_item(value, number)


def read_to_estimate(entry: NumberedItem) -> ItemSizes:
    """What an entry tells of its images' sizes; InvalidRequest with its line."""
    number, value = entry
    return read_sizes_line(value, number) if isinstance(value, bytes) else read_sizes(value, number)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 2):
            number += 1
            if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                raise _too_long(number)
            yield _bare(line)


def _bare(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _too_long(number: int) -> InvalidRequest:
    """Ends the reading: where the next line starts is not known."""
    message = f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes. Upload the image and name its file id."
    details = [Detail("line_too_large", message, line=number)]
    return InvalidRequest(message, code="invalid_manifest", details=details)
