"""Fills in the caller's JSON schema: known values where they fit, elsewhere values that mean "not known"."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from local.errors import WireError

_DEEPEST = 12  # levels; strict schemas have at most 10
_BLANKS: dict[str, Any] = {"null": None, "string": "", "array": [], "number": 0.0, "integer": 0, "boolean": False}
_UNSURE = ("unknown", "other", "none")
_UNKNOWN = object()

Schema = Mapping[str, Any]


def fill(schema: Schema, known: Mapping[str, Any]) -> Any:
    """An answer that validates against `schema`; WireError invalid_schema, unsupported_schema."""
    try:
        form = _form(orjson.dumps(schema))
        answer = form.fill(schema, known, 0)
        form.check(answer)
    except SchemaError as error:
        raise WireError(f"The schema is not valid: {error.message[:200]}", "invalid_schema") from None
    except (ValidationError, Unresolvable, _NoAnswerError, RecursionError) as error:
        reason = str(error).partition("\n")[0][:200]
        text = f"Nothing that this model knows fits the schema: {reason}"
        raise WireError(text, "unsupported_schema") from None
    return answer


class _NoAnswerError(Exception):
    """No value is possible here."""


@lru_cache(maxsize=64)
def _form(text: bytes) -> "_Form":
    """Cached: the items of a job share their schema, and checking it takes longer than filling it in."""
    schema = orjson.loads(text)
    Draft202012Validator.check_schema(schema)
    return _Form(schema)


class _Form:
    """A schema ready to be filled in; its references are never fetched from elsewhere."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        registry: Registry[Any] = Registry()
        self._validator = Draft202012Validator(root, registry=registry)

    def check(self, answer: Any) -> None:
        self._validator.validate(answer)

    def fill(self, part: Any, known: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise _NoAnswerError("it is nested too deeply")
        schema = self._resolve(part)
        if "anyOf" in schema:
            return self._choose(schema["anyOf"], known, depth)
        kinds = _kinds(schema)
        if "object" in kinds and ("null" not in kinds or isinstance(known, Mapping)):
            given = known if isinstance(known, Mapping) else {}
            fields = schema.get("properties", {}).items()
            return {name: self.fill(field, given.get(name, _UNKNOWN), depth + 1) for name, field in fields}
        if "array" in kinds and isinstance(known, list):
            return [self.fill(schema.get("items"), value, depth + 1) for value in known]
        if known is not _UNKNOWN and self._fits(schema, known):
            return known
        return self._blank(schema, kinds)

    def _choose(self, choices: Sequence[Any], known: Any, depth: int) -> Any:
        """Fill in the first choice that the known value fits; if there is none, prefer null."""
        candidates = [self._resolve(choice) for choice in choices]
        for choice in candidates if known is not _UNKNOWN else ():
            if self._takes(choice, known):
                return self.fill(choice, known, depth + 1)
        candidates.sort(key=lambda choice: _kinds(choice) != ["null"])
        return self.fill(candidates[0], _UNKNOWN, depth + 1)

    def _takes(self, schema: Schema, known: Any) -> bool:
        """Whether a choice fits; for objects and lists the type alone decides, as they are filled in field by field."""
        if isinstance(known, Mapping | list):
            return ("object" if isinstance(known, Mapping) else "array") in _kinds(schema)
        return self._fits(schema, known)

    def _blank(self, schema: Schema, kinds: Sequence[str]) -> Any:
        """The first of null, "", [], 0 and false that the schema allows, or an enum's value such as `unknown`."""
        blanks = [blank for kind, blank in _BLANKS.items() if kind in kinds or not kinds]
        for blank in (*blanks, *(value for value in _UNSURE if value in schema.get("enum", ()))):
            if self._fits(schema, blank):
                return blank
        raise _NoAnswerError(f"nothing stands for 'not known' in {dict(schema)}")

    def _fits(self, schema: Schema, value: Any) -> bool:
        return self._validator.evolve(schema=schema).is_valid(value)

    def _resolve(self, schema: Any) -> Schema:
        """Follow a `$ref` within the document; a schema that is no object (`true`) allows any value."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, Mapping):
                return {}
            if not isinstance(reference := schema.get("$ref"), str):
                return schema
            schema = self._look_up(reference)
        raise _NoAnswerError("its references run in a circle")

    def _look_up(self, reference: str) -> Any:
        found: Any = self._root
        head, *steps = reference.split("/")
        for step in steps:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        if head != "#" or found is None:
            raise _NoAnswerError(f"{reference[:80]!r} is not in the schema")
        return found


def _kinds(schema: Schema) -> list[str]:
    kinds = schema.get("type", ["object"] if "properties" in schema else [])
    return [kinds] if isinstance(kinds, str) else list(kinds)
