"""Reads a job's items: elements of a list, or lines of a file. Line number = item number."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from vision.errors import Detail, InvalidRequest
from vision.jobs.manifest import MAX_LINE_BYTES, ItemOrder, ItemSizes, read_item, read_line, read_sizes, read_sizes_line

PIECE = 1 << 20

Items = Sequence[object] | Path
"""Inline items, or a file with one JSON object a line."""
NumberedItem = tuple[int, object]
"""A number, and the unparsed item: bytes of a line, or an inline item."""
LocatedItem = tuple[int, int, object]
"""Number, offset and unparsed item. The offset is that of the line in its file, or of the item in its list."""


def numbered_items(items: Items) -> Iterator[NumberedItem]:
    """All items with their numbers, one at a time: memory does not grow with the file."""
    return enumerate(_lines(items) if isinstance(items, Path) else items, 1)


def located(items: Items, numbers: Iterable[int]) -> Iterator[LocatedItem]:
    """The items of these ascending numbers, each with the offset by which `item_at` finds it again.

    Call `count` first: it refuses lines that are too long.
    """
    if not isinstance(items, Path):
        yield from ((number, number - 1, items[number - 1]) for number in numbers)
        return
    with items.open("rb") as file:
        passed = offset = 0
        for number in numbers:
            if number > passed + 1:
                offset += sum(map(len, islice(file, number - passed - 1)))
            line = file.readline()
            yield number, offset, _bare(line)
            passed, offset = number, offset + len(line)


def item_at(items: Items, number: int, offset: int) -> NumberedItem:
    """An item of `located`, read again."""
    if not isinstance(items, Path):
        return number, items[offset]
    with items.open("rb") as file:
        file.seek(offset)
        return number, _bare(file.readline())


def count(items: Items) -> int:
    """The number of items, without parsing them; InvalidRequest if a line is too long."""
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


def read(item: NumberedItem) -> ItemOrder:
    """Parse an item; InvalidRequest with its line."""
    number, value = item
    return read_line(value, number) if isinstance(value, bytes) else read_item(value, number)


def read_to_estimate(item: NumberedItem) -> ItemSizes:
    """Parse an item for an estimate; InvalidRequest with its line."""
    number, value = item
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
    """Ends the reading, as the start of the next line is not known."""
    message = f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes. Upload the image and name its file id."
    details = [Detail("line_too_large", message, line=number)]
    return InvalidRequest(message, code="invalid_manifest", details=details)
