"""The columns of a table that a command names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """None: by their usual names."""

    image: str | None = None
    id: str | None = None


USUAL = Choice()
