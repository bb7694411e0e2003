"""JSON from outside: what is counted, and what is refused."""

import math
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import InvalidRequest
from vision.jobs import untrusted
from vision.jobs.untrusted import MAX_DEPTH, MAX_VALUES, Unfit, dumped, has_too_many_values, load

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def separators(value: Any) -> int:
    """Brackets that open, and commas between entries."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + sum(map(separators, value.values()))
    return 1 + max(0, len(value) - 1) + sum(map(separators, value)) if isinstance(value, list) else 0


@given(VALUES, st.integers(1, 9))
def test_separators_in_texts_do_not_count(value: Any, piece: int) -> None:
    raw = orjson.dumps(value)
    before, untrusted.PIECE = untrusted.PIECE, piece
    try:
        assert untrusted._separators_outside_texts(raw) == separators(value)
    finally:
        untrusted.PIECE = before


def test_a_crowd_of_values_is_refused_and_a_long_text_is_not() -> None:
    assert has_too_many_values(b"[" + b"0," * MAX_VALUES + b"0]")
    assert not has_too_many_values(orjson.dumps(["," * 2 * MAX_VALUES, '\\"[', "\\"]))
    with pytest.raises(InvalidRequest) as refused:
        load(b"[" * (MAX_VALUES + 1))
    assert refused.value.code == "too_many_values"


def nested(depth: int) -> Any:
    """Lists in an object."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return {"a": value}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": 2**64}, "it.a is a number"),
        ({"a": [0, {"b": -(2**63) - 1}]}, "it.a[1].b is a number"),
        ({"a": 1e300}, "it.a is a number"),
        ({"a": -float(2**63)}, "it.a is a number"),
        (nested(MAX_DEPTH), "nested deeper"),
        (nested(500), "nested deeper"),
        ({"a": ["\0"]}, "it.a[0] holds a NUL"),
        ({"\0": 1}, "a name in it holds a NUL"),
    ],
)
def test_what_cannot_be_stored_is_named(value: Any, place: str) -> None:
    with pytest.raises(Unfit) as unfit:
        dumped(value, "it")
    assert place in unfit.value.message


@given(VALUES.filter(lambda value: "\\u0000" not in orjson.dumps(value).decode()))
def test_the_rest_is_taken_as_it_is(value: Any) -> None:
    assert load(dumped(value, "it")) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_is_taken_comes_back_within_64_bit(number: float) -> None:
    """As jsonb gives it back: digits, without an exponent."""
    try:
        text = dumped({"a": number}, "it")
    except Unfit:
        return
    written = text.decode().removeprefix('{"a":').removesuffix("}")
    if math.isclose(number, round(number), rel_tol=0) and abs(number) >= 1:
        orjson.dumps(int(Decimal(written)))
