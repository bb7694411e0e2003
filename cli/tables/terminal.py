"""Where tables are printed. NO_COLOR is respected by rich itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

WIDE = 200
ENDLESS = 10_000


def console() -> Console:
    """As wide as the terminal; in a pipe or file wide enough for nothing to be cut."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=max(WIDE, found.width))


def width(table: Table) -> int:
    """Characters that the table takes when nothing in it is cut or wrapped."""
    return Console(width=ENDLESS).measure(table).maximum


def print_whole(table: Table) -> None:
    """Cut and fold nothing: where the terminal is too narrow, it wraps the lines itself."""
    printed = console()
    printed.width = max(printed.width, width(table))
    printed.print(table)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A word on standard error while something takes its time, if that is a terminal."""
    told = Console(stderr=True)
    if not told.is_terminal:
        yield
        return
    with told.status(f"{what} …"):
        yield
