"""JSON from callers: bounded before it is parsed, and only values that can be stored and returned unchanged.

PostgreSQL's `jsonb` returns 1e300 as an integer of 301 digits, which our JSON library cannot write, and it refuses NUL.
So both are refused here, and the error names their place.
"""

import re

import orjson

from vision.errors import InvalidRequest

MAX_VALUES = 500_000
"""Values in one body. Sixteen million of two bytes each would be gigabytes of objects."""
MAX_DEPTH = 64
PIECE = 1 << 20
LEAST, MOST = -(2**63), 2**64 - 1

_DUBIOUS = re.compile(rb"[0-9]{19}|[0-9][eE]\+?[0-9]|\\u0000")
"""A text without any of these has no number that is too large, and no NUL."""


class Unfit(ValueError):
    """A value cannot be stored unchanged; the message names its place."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


def load(raw: bytes) -> object:
    """The value; InvalidRequest `invalid_json` or `too_many_values`."""
    if has_too_many_values(raw):
        raise InvalidRequest(f"The body holds more than {MAX_VALUES:,} values.", code="too_many_values")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"Not valid JSON: {error.msg} (column {error.colno}).", code="invalid_json") from None


def has_too_many_values(raw: bytes) -> bool:
    """Whether the text would become more than MAX_VALUES objects; without creating them."""
    return (
        len(raw) > MAX_VALUES
        and _separators(raw) > MAX_VALUES  # nearly always enough, and quick
        and _separators_outside_texts(raw) > MAX_VALUES
    )


def dumped(value: object, place: str) -> bytes:
    """A free-form value as JSON text; Unfit if it cannot be stored and returned unchanged."""
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError as error:  # a number beyond 64 bit, or very deep
        _refuse(value, place)
        raise Unfit("invalid_field", f"{place} cannot be stored: {error}") from None
    if _DUBIOUS.search(text) or text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _refuse(value, place)
    return text


def has_nul(value: object) -> bool:
    """Whether it is a text, or a list with a text, that holds a NUL character."""
    if isinstance(value, list):
        return any(map(has_nul, value))
    return isinstance(value, str) and "\0" in value


def _separators(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _separators_outside_texts(raw: bytes) -> int:
    """Separators, without those inside texts; counted piece by piece, so that memory stays flat."""
    import numpy as np  # noqa: PLC0415 - for the rare body that needs a second look

    bare = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    count, in_text = 0, np.False_
    for start in range(0, len(bare), PIECE):
        piece = np.frombuffer(bare[start : start + PIECE], np.uint8)
        texts = np.logical_xor.accumulate(piece == ord('"')) ^ in_text
        opens = (piece == ord("[")) | (piece == ord("{"))
        count += int(np.count_nonzero((opens | (piece == ord(","))) & ~texts))
        in_text = texts[-1]
    return count


def _refuse(value: object, place: str, depth: int = 0) -> None:
    """Raise Unfit for the first wrong value, if there is one."""
    if depth > MAX_DEPTH:
        raise Unfit("invalid_field", f"{place[:80]} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        if has_nul(list(value)):
            raise Unfit("nul_character", f"a name in {place} holds a NUL character")
        for name, each in value.items():
            _refuse(each, f"{place}.{str(name)[:40]}", depth + 1)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _refuse(each, f"{place}[{index}]", depth + 1)
    elif has_nul(value):
        raise Unfit("nul_character", f"{place} holds a NUL character")
    elif isinstance(value, int | float) and not _fits(value):
        raise Unfit("invalid_field", f"{place} is a number outside of 64 bit, which cannot be stored")


def _fits(number: float) -> bool:
    """Whether a number fits 64 bit, also in the digits stored for it: those of -2**63 as a float differ."""
    return LEAST < number < MOST or (isinstance(number, int) and LEAST <= number <= MOST)
