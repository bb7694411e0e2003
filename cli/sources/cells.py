"""Reads the rows of a table: CSV with any usual delimiter and encoding, or a sheet of Excel."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import python_calamine

from cli.problems import Problem

DELIMITERS = ",;\t|"
LONGEST_CELL = 16 * 1024**2
"""Characters; a data URL is one cell."""
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
Row = tuple[int, list[str]]
"""Its line in the file, and its cells."""


def read(path: Path) -> Iterator[Row]:
    """The rows with something in them, the header first; Problem if the file cannot be read."""
    rows = _sheet(path) if path.suffix.lower() in EXCEL else _csv(path)
    return (row for row in rows if any(row[1]))


EXCEL = frozenset({".xlsx", ".xls", ".xlsb", ".ods"})


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    with path.open("rb") as file:
        encoding = _MARKS.get(file.read(2), "utf-8-sig")
    with path.open(encoding=encoding, newline="") as file:
        number = 0
        try:
            first = file.readline()
            stated = first.strip().lower()
            if stated.startswith("sep=") and len(stated) <= 5:  # Excel's own way to say it
                delimiter, before = (stated[4:] or "\t"), []
            else:
                delimiter, before = _delimiter(first), [first]
            reader = csv.reader(chain(before, file), delimiter=delimiter, skipinitialspace=True)
            for cells in reader:
                number = reader.line_num + (not before)
                yield number, [cell.strip() for cell in cells]
        except UnicodeError as error:
            message = f"{path} cannot be read after line {number}: it is not UTF-8. Save it as UTF-8."
            raise Problem(message) from error
        except csv.Error as error:
            raise Problem(f"{path} cannot be read after line {number}: {error}.") from error


def _delimiter(header: str) -> str:
    """The one that makes most columns of the header; a comma in doubt."""
    return max(DELIMITERS, key=lambda each: len(next(csv.reader([header], delimiter=each), [])))


def _sheet(path: Path) -> Iterator[Row]:
    """The first sheet."""
    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
        rows: Sequence[Sequence[object]] = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (OSError, python_calamine.CalamineError, IndexError) as error:
        raise Problem(f"{path} cannot be read as a sheet: {error}.") from error
    for number, cells in enumerate(rows, 1):
        yield number, [_text(cell) for cell in cells]


def _text(cell: object) -> str:
    """Whole numbers without `.0`: sheets know no others."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
