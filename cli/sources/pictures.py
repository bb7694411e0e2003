"""The arguments of `tessera tokens`: WIDTHxHEIGHT, or a file whose header has the size."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import click

from cli.sources import local_sizes
from cli.sources.files import is_file
from vision.errors import ImageError, InvalidRequest, TesseraError
from vision.tokens.count import MAX_SIDE

NUMBER = r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?"
SIZE = re.compile(f"({NUMBER})[x\u00d7]({NUMBER})", re.ASCII | re.IGNORECASE)
WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


class Picture(NamedTuple):
    """One image: `size` in pixels, or else an `error`; `facts` are its fields in JSON."""

    name: str
    facts: dict[str, Any]
    size: tuple[int, int] | None = None
    error: TesseraError | None = None


def pictures(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> list[Picture]:
    """Parse the arguments; BadParameter for one that is neither a size nor a file."""
    return [picture(text) for text in texts]


def picture(text: str) -> Picture:
    """`1024x768`, or the path of an image. A size that no image has is a picture with an error."""
    if match := SIZE.fullmatch(text):
        return _of_size(text, match[1], match[2])
    if is_file(Path(text)):
        return _of_file(text)
    if text.startswith("-"):
        raise click.NoSuchOption(text)
    raise click.BadParameter(f"{text!r} is neither a size such as 1024x768 nor an image file.")


def _of_size(text: str, *written: str) -> Picture:
    width, height = map(_number, written)
    facts = {"width": width, "height": height}
    if all(map(WHOLE.fullmatch, written)) and 0 < min(width, height) <= max(width, height) <= MAX_SIDE:
        return Picture(text, facts, (int(width), int(height)))
    message = f"{text[:80]} is not the size of an image: give whole pixels from 1 to {MAX_SIDE:,}."
    return Picture(text, facts, error=InvalidRequest(message, code="invalid_size"))


def _number(side: str) -> float:
    """A number for JSON."""
    return int(side) if WHOLE.fullmatch(side) else float(side)


def _of_file(name: str) -> Picture:
    try:
        size = local_sizes.read(Path(name))
    except ImageError as error:
        return Picture(name, {"file": name, "width": None, "height": None}, error=error)
    return Picture(name, {"file": name, "width": size[0], "height": size[1]}, size)
