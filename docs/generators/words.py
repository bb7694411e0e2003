"""Reads words.toml (a sentence for each code and each field of providers.toml); makes Markdown tables."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

GENERATED = "<!-- Written by docs/generate.py. Change the code, or docs/generators; then run `make docs`. -->\n"


def words(section: str) -> dict[str, Any]:
    """A table of words.toml."""
    text = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)[section]
    return table


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], numbers_from: int | None = None) -> str:
    """A Markdown table; pipes and line ends inside cells are escaped. Columns of numbers are right-aligned."""
    words = len(header) if numbers_from is None else numbers_from
    lines = [header, tuple("---" if column < words else "--:" for column in range(len(header))), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def paragraph(text: str) -> str:
    """Prose in lines of 120 characters."""
    return fill(text, 120, break_on_hyphens=False)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
