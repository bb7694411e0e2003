"""Where a job's items come from: entries of a request, or lines of a file. Line number = item number."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vision.errors import Detail, InvalidRequest
from vision.manifest import MAX_LINE_BYTES, ItemOrder, read_item, read_line

Items = Sequence[Any] | Path
"""Inline items, or a file with one JSON object a line."""
Entry = tuple[int, Any]
"""A number, and the entry: bytes of a line, or an inline item."""


def entries(items: Items) -> Iterator[Entry]:
    """Numbered entries, one at a time: memory stays flat however long a file is."""
    return enumerate(_lines(items) if isinstance(items, Path) else items, 1)


def read(entry: Entry) -> ItemOrder:
    """What an entry asks for; InvalidRequest with its line."""
    number, value = entry
    return read_line(value, number) if isinstance(value, bytes) else read_item(value, number)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 2):
            number += 1
            if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                raise _too_long(number)
            yield line.removesuffix(b"\n").removesuffix(b"\r")


def _too_long(number: int) -> InvalidRequest:
    """Ends the reading: where the next line starts is not known."""
    message = f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes. Upload the image and name its file id."
    details = [Detail("line_too_large", message, line=number)]
    return InvalidRequest(message, code="invalid_manifest", details=details)
