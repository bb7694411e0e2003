"""Where tables are printed. NO_COLOR is respected by rich itself."""

from rich.console import Console

WIDE = 200


def console() -> Console:
    """As wide as the terminal; in a pipe or file wide enough for nothing to be cut."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=max(WIDE, found.width))
