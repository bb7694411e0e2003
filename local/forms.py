"""Fill in the caller's own JSON schema: what is known where it fits, and what stands for "not known" elsewhere."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from local.errors import WireError

_DEEPEST = 12  # levels; strict schemas have at most 10
_EMPTY: dict[str, Any] = {"null": None, "string": "", "array": [], "number": 0.0, "integer": 0, "boolean": False}

Schema = Mapping[str, Any]


def fill(schema: Schema, known: Mapping[str, Any]) -> Any:
    """An answer that validates against `schema`; WireError `unsupported_schema` if no truthful one does."""
    try:
        Draft202012Validator.check_schema(schema)
        answer = _fill(schema, schema, known, 0)
        _validate(schema, schema, answer)
    except SchemaError as error:
        raise WireError(f"The schema is not valid: {error.message[:200]}", "invalid_schema") from None
    except (ValidationError, Unresolvable, _NoAnswerError, RecursionError) as error:
        text = f"No answer that is known fits the schema: {str(error).splitlines()[0][:200]}"
        raise WireError(text, "unsupported_schema") from None
    return answer


class _NoAnswerError(Exception):
    """Nothing can stand here."""


_UNKNOWN = object()


def _fill(root: Schema, schema: Any, known: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise _NoAnswerError("it is nested too deeply")
    schema = _resolve(root, schema)
    if "anyOf" in schema:
        return _first(root, schema["anyOf"], known, depth)
    kinds = schema.get("type", "object" if "properties" in schema else [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "object" in kinds and ("null" not in kinds or isinstance(known, Mapping)):
        return _object(root, schema, known, depth)
    if "array" in kinds and isinstance(known, list):
        return [_fill(root, schema.get("items"), value, depth + 1) for value in known]
    if known is not _UNKNOWN and _fits(root, schema, known):
        return known
    return _empty(root, schema, kinds)


def _object(root: Schema, schema: Schema, known: Any, depth: int) -> dict[str, Any]:
    given = known if isinstance(known, Mapping) else {}
    properties = schema.get("properties", {})
    return {name: _fill(root, part, given.get(name, _UNKNOWN), depth + 1) for name, part in properties.items()}


def _first(root: Schema, choices: Any, known: Any, depth: int) -> Any:
    """The first choice that what is known fits; if nothing is known, null comes first."""
    candidates = [_resolve(root, choice) for choice in choices]
    if known is _UNKNOWN:
        candidates.sort(key=lambda choice: choice.get("type") != "null")
    for choice in candidates:
        if known is _UNKNOWN or isinstance(known, Mapping) or _fits(root, choice, known):
            return _fill(root, choice, known, depth + 1)
    return _first(root, choices, _UNKNOWN, depth + 1)


def _empty(root: Schema, schema: Schema, kinds: Any) -> Any:
    """The first of null, "", [], 0 and false that the schema allows; of an enum, a value that says "not known"."""
    blanks = [blank for kind, blank in _EMPTY.items() if kind in kinds or not kinds]
    blanks += [value for value in ("unknown", "other", "none") if value in schema.get("enum", ())]
    for blank in blanks:
        if _fits(root, schema, blank):
            return blank
    raise _NoAnswerError(f"nothing stands for 'not known' in {dict(schema)}")


def _resolve(root: Schema, schema: Any) -> Schema:
    """Follow a `$ref` within the document; true stands for any value."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        if not isinstance(reference := schema.get("$ref"), str):
            return schema
        schema = _lookup(root, reference)
    raise _NoAnswerError("its references run in a circle")


def _lookup(root: Schema, reference: str) -> Any:
    found: Any = root
    if not reference.startswith("#"):
        raise _NoAnswerError(f"{reference!r} is not in the schema")
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            raise _NoAnswerError(f"{reference!r} is not in the schema")
        found = found[name]
    return found


def _fits(root: Schema, schema: Schema, value: Any) -> bool:
    try:
        _validate(root, schema, value)
    except ValidationError:
        return False
    return True


def _validate(root: Schema, schema: Schema, value: Any) -> None:
    """ValidationError; an empty registry keeps references from being fetched."""
    registry: Registry[Any] = Registry()
    whole = schema if schema is root else {**schema, "$defs": root.get("$defs", {})}
    Draft202012Validator(whole, registry=registry).validate(value)
