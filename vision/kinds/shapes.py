"""Whether a value has the shape that a JSON schema describes, decided fast; only the yes is certain.

Strict schemas need few keywords. Those are compiled into functions here, some twenty times faster than a full
validator, which is left to say what is wrong when the answer is no.
"""

from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any

Fits = Callable[[Any], bool]

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (NoneType,),
}
# The last line holds what says nothing about shape, or is the provider's to keep (see vision.kinds.answers).
_KNOWN = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems"}
    | {"enum", "minimum", "maximum"}
    | {"title", "description", "$schema", "pattern", "format"}
)


def compile_schema(schema: dict[str, Any]) -> Fits:
    """A test that is True only for values that satisfy the schema; never True if a keyword is unknown here."""
    try:
        return _compile(schema)
    except NotImplementedError:
        return lambda _: False


def _compile(schema: dict[str, Any]) -> Fits:
    if not schema.keys() <= _KNOWN or "type" not in schema:
        raise NotImplementedError
    names = schema["type"]
    kinds = frozenset(kind for name in ([names] if isinstance(names, str) else names) for kind in _KINDS[name])
    checks = tuple(_checks(schema, kinds))
    match checks:
        case ():
            return lambda value: type(value) in kinds
        case (check,):
            return lambda value: type(value) in kinds and check(value)
        case _:
            return lambda value: type(value) in kinds and all(check(value) for check in checks)


def _checks(schema: dict[str, Any], kinds: frozenset[type]) -> Iterator[Fits]:
    """One test for each group of keywords that can fail; each lets values of other types pass, as JSON Schema does."""
    if "enum" in schema:
        yield _enum(schema["enum"], kinds)
    if "minimum" in schema or "maximum" in schema:
        yield _between(schema.get("minimum", float("-inf")), schema.get("maximum", float("inf")))
    if dict in kinds:
        yield _object(schema)
    if list in kinds:
        yield _array(schema)


def _enum(values: list[Any], kinds: frozenset[type]) -> Fits:
    if not kinds <= {str, NoneType}:
        raise NotImplementedError
    return frozenset(value for value in values if isinstance(value, str | None)).__contains__


def _between(low: float, high: float) -> Fits:
    return lambda value: type(value) not in {int, float} or low <= value <= high


def _object(schema: dict[str, Any]) -> Fits:
    properties = schema.get("properties", {})
    names = frozenset(properties)
    if schema.get("additionalProperties") is not False or names != set(schema.get("required", ())):
        raise NotImplementedError
    tests = tuple((name, _compile(inner)) for name, inner in properties.items())
    return lambda value: (
        type(value) is not dict or (value.keys() == names and all(fits(value[name]) for name, fits in tests))
    )


def _array(schema: dict[str, Any]) -> Fits:
    fits, low, high = _compile(schema["items"]), schema.get("minItems", 0), schema.get("maxItems", float("inf"))
    return lambda value: type(value) is not list or (low <= len(value) <= high and all(map(fits, value)))
