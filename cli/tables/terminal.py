"""Prints tables to the terminal. rich itself respects NO_COLOR."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

WIDE = 200
ENDLESS = 10_000


def console() -> Console:
    """A console as wide as the terminal; in a pipe or file so wide that nothing is cut."""
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
    """Show a message on standard error while a block runs, if that is a terminal."""
    errors = Console(stderr=True)
    if not errors.is_terminal:
        yield
        return
    with errors.status(f"{what} …"):
        yield
