"""Parses the values of options: times, amounts, lists, pairs, and texts in files."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any

import click
import orjson

DETAILS = ("low", "high", "original", "auto")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """`90`, `90s`, `30m`, `12h`, `2d` → seconds."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)([smhd]?)", text)
    if not match:
        raise click.BadParameter(f"{text!r} is not a time like 90s, 30m, 12h or 2d.")
    return int(match[1]) * UNITS[match[2]]


def amount(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """A positive decimal, kept as it was written."""
    try:
        good = text is None or Decimal(text) > 0
    except InvalidOperation:
        good = False
    if not good:
        raise click.BadParameter(f"{text!r} is not an amount like 5.00.")
    return text


def names(_: click.Context, __: click.Parameter, texts: Sequence[str]) -> list[str]:
    """`("a,b", "c", "a")` → `["a", "b", "c"]`."""
    return list(dict.fromkeys(name.strip() for text in texts for name in text.split(",") if name.strip()))


def levels(context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> list[str]:
    """Like `names`, for levels of detail."""
    found = names(context, parameter, texts)
    for wrong in set(found) - set(DETAILS):
        raise click.BadParameter(f"{wrong!r} is not one of {', '.join(DETAILS)}.")
    return found


def pairs(_: click.Context, __: click.Parameter, texts: Sequence[str]) -> dict[str, str] | None:
    """`("a=1", "b=2")` → `{"a": "1", "b": "2"}`."""
    parted = [text.partition("=") for text in texts]
    if any(not separator for _, separator, _ in parted):
        raise click.BadParameter("Write metadata as NAME=VALUE.")
    return {name: value for name, _, value in parted} or None


def prompt(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """The text, or with `@FILE` what the file holds."""
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{text[1:]!r} cannot be read: {error}.") from error


def schema(_: click.Context, __: click.Parameter, file: IO[bytes] | None) -> dict[str, Any] | None:
    """The JSON object in a file."""
    if file is None:
        return None
    try:
        with file:
            value = orjson.loads(file.read())
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(f"{file.name} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise click.BadParameter(f"{file.name} holds no JSON object.")
    return value
