"""Finds the JSON in a model's text: alone, in a code fence, or among words, as JSON or as JSON5.

JSON5 takes what models get wrong without leaving a choice: commas before a closing bracket, single quotes, names
without quotes, comments. Anything that would have to be guessed stays invalid.
"""

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import orjson
import pyjson5

from vision.errors import ItemError


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


_DECODER = json.JSONDecoder(strict=False, parse_float=_finite, parse_constant=_finite)
MOST_STARTS = 200
"""Brackets at which a value is looked for."""
MOST_VALUES = 20
LONGEST_MENDED = 200_000
"""Characters of a text in which defects are mended."""


def json_values(text: str) -> list[object]:
    """The JSON values in a text: the one that is all of it, or those among other words. ItemError `output_invalid`."""
    plain = text.strip()
    try:
        return _opened(orjson.loads(plain))
    except orjson.JSONDecodeError as error:
        reason = f"The answer is not valid JSON: {error.msg} (character {error.pos} of {len(plain)})."
    if found := [*_mended(plain), *islice(_among_words(plain), MOST_VALUES)]:
        return found
    raise ItemError(reason, code="output_invalid")


def _opened(value: object) -> list[object]:
    """The value; also what is inside if JSON was written into a string, or one value into a list."""
    if isinstance(value, str):
        with suppress(orjson.JSONDecodeError):
            return [value, orjson.loads(value)]
    return [value, value[0]] if isinstance(value, list) and len(value) == 1 else [value]


def _among_words(text: str) -> Iterator[object]:
    """Objects and lists, each from its opening bracket on; none that is inside another one."""
    at = 0
    for _ in range(MOST_STARTS):
        if (at := _bracket(text, at)) < 0:
            return
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        yield from _opened(value)


def _bracket(text: str, start: int) -> int:
    found = [at for at in (text.find("{", start), text.find("[", start)) if at >= 0]
    return min(found, default=-1)


def _mended(text: str) -> list[object]:
    """The text between the outermost brackets, read as JSON5."""
    if len(text) > LONGEST_MENDED:
        return []
    for opening, closing in (("{", "}"), ("[", "]")):
        start, stop = text.find(opening), text.rfind(closing)
        if 0 <= start < stop:
            with suppress(pyjson5.Json5Exception, ValueError, RecursionError):
                return [_plain(pyjson5.decode(text[start : stop + 1]))]
    return []


def _plain(value: object) -> object:
    """The value as JSON has it; ValueError for numbers that JSON does not have."""
    return orjson.loads(json.dumps(value, allow_nan=False))
