"""Where tables are printed. NO_COLOR is respected by rich itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

WIDE = 200


def console() -> Console:
    """As wide as the terminal; in a pipe or file wide enough for nothing to be cut."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=max(WIDE, found.width))


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A word on standard error while something takes its time, if that is a terminal."""
    told = Console(stderr=True)
    if not told.is_terminal:
        yield
        return
    with told.status(f"{what} …"):
        yield
