"""Turns the rows of a table into items: which column is the image, the id, a size, or metadata."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cli.problems import Problem
from cli.sources.cells import Row
from cli.sources.choice import Choice

IMAGE_NAMES = ("image", "images", "image_url", "image_urls", "url")
ID_NAMES = ("custom_id", "id")
SIDES = ("width", "height")
UNNAMED = re.compile(r"(unnamed: \d+)?", re.IGNORECASE)
"""The index column of pandas, and cells behind the last column."""
Image = Callable[[str], str | Path]


class Columns:
    """A header, and what its columns are; Problem if there is none for the images."""

    def __init__(self, header: list[str], choice: Choice, path: Path) -> None:
        self._names = ["" if UNNAMED.fullmatch(name) else name for name in header]
        self._path = path
        if twice := [name for name in self._names if name and self._names.count(name) > 1]:
            raise Problem(f"{path}, line 1: there are two columns {twice[0]!r}. Give each its own name.")
        self._image = self._find(choice.image, IMAGE_NAMES, "--image-column")
        self._id = self._find(choice.id, ID_NAMES, "--id-column")
        sized = set(SIDES) <= {name.lower() for name in self._names}  # which is enough for an estimate
        if self._image is None and not sized:
            shown = ", ".join(name for name in self._names if name) or "none"
            raise Problem(
                f"{path}, line 1: no column is called {', '.join(IMAGE_NAMES)}. There are: {shown}. "
                "Name the one that has the images with --image-column."
            )

    def items(self, rows: Iterator[Row], image: Image) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """(line, item) for each row, or (line, what is wrong with it)."""
        for line, cells in rows:
            try:
                yield line, self._item(cells, image)
            except ValueError as error:
                yield line, str(error)

    def _item(self, cells: list[str], image: Image) -> dict[str, Any]:
        if any(cells[len(self._names) :]):
            raise ValueError("More cells than the header has columns.")
        given = {name: cell for name, cell in zip(self._names, cells, strict=False) if name and cell}
        item: dict[str, Any] = {}
        if self._image is not None:
            item["images"] = self._images(given.pop(self._image, ""), image)
        if self._id is not None and (custom_id := given.pop(self._id, "")):
            item["custom_id"] = custom_id
        for name in [name for name in given if name.lower() in SIDES]:
            item[name.lower()] = _pixels(given.pop(name), name)
        return item | {"metadata": given}

    def _images(self, cell: str, image: Image) -> list[str | Path]:
        single = self._image in ("image", "image_url", "url") or "data:" in cell
        named = [cell] if single else re.split(r"[\s|]+", cell)
        try:
            return [image(each) for each in named if each]
        except ValueError as error:
            raise ValueError(f"column {self._image}: {error}") from None

    def _find(self, chosen: str | None, usual: tuple[str, ...], option: str) -> str | None:
        if chosen is not None:
            if chosen not in self._names:
                shown = ", ".join(name for name in self._names if name)
                raise Problem(f"{self._path}: {option} {chosen!r} is no column. There are: {shown}.")
            return chosen
        return next((name for known in usual for name in self._names if name.lower() == known), None)


def _pixels(text: str, column: str) -> int:
    """Also `800.0`, as pandas writes a column with gaps."""
    if re.fullmatch(r"\d{1,9}(\.0*)?", text, re.ASCII):
        return int(text.partition(".")[0])
    raise ValueError(f"column {column}: {text[:20]!r} is not a whole number of pixels.")
