"""Parses a model's answer and checks it against its schema."""

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

import orjson
from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from vision.errors import ItemError
from vision.kinds.reading.json_values import json_values

# PostgreSQL stores neither NUL nor lone surrogates; both become the replacement character.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
DEEPEST = 100
"""Nested levels of an answer; libraries can neither check nor store much deeper values."""
MOST_ERRORS = 100
"""Errors of an answer that are read to list the missing fields."""


class _Unchecked:
    """A keyword that every value satisfies.

    For `pattern`: the provider enforces it, and regular expressions differ between libraries.
    """

    def __init__(self, parent: object, value: object, path: object) -> None:
        pass

    def validate(self, instance: object) -> None:
        """Accept any value."""


class AnswerReader:
    """Reads the answers of one job; keep it, because building the validator is slow."""

    def __init__(self, schema: dict[str, object] | None) -> None:
        # `offline`: a schema may name another one by its address, which must not be fetched.
        self._validator = (
            None if schema is None else Draft202012Validator(schema, keywords={"pattern": _Unchecked}, offline=True)
        )

    def read(self, text: str) -> object:
        """The parsed answer, `{"text": …}` without a schema; ItemError `output_invalid`."""
        text = _storable_text(text)
        if not text.strip():
            raise ItemError("The answer is empty.", code="output_invalid")
        if self._validator is None:
            return {"text": text}
        values = json_values(text)
        fitting = [value for value in values if self._validator.is_valid(value)]
        if any(value != fitting[0] for value in fitting):
            raise ItemError("The answer holds several JSON values that fit the schema.", code="output_invalid")
        if not fitting:
            errors = list(islice(self._validator.iter_errors(values[0]), MOST_ERRORS))
            raise ItemError(_explain(errors), code="output_invalid")
        if text.count("[") + text.count("{") > DEEPEST and _depth(fitting[0]) > DEEPEST:
            raise ItemError(f"The answer is nested too deeply: {DEEPEST} levels at most.", code="output_invalid")
        return storable(fitting[0]) if "\\u0000" in text else fitting[0]


def reader(schema: dict[str, object] | None) -> AnswerReader:
    """An `AnswerReader` for this schema; the last ones are cached."""
    return _reader(None if schema is None else orjson.dumps(schema))


@lru_cache(maxsize=64)
def _reader(schema: bytes | None) -> AnswerReader:
    return AnswerReader(None if schema is None else orjson.loads(schema))


def _depth(value: object) -> int:
    """How deep lists and objects are nested, counted without recursion."""
    depth, level = 0, [value]
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
    return depth


def _inside(value: object) -> Iterable[object]:
    match value:
        case list():
            return value
        case dict():
            return value.values()
        case _:
            return ()


def _storable_text(text: str) -> str:
    # For a page of text this is many times faster than the regular expression.
    try:
        text.encode()
    except UnicodeEncodeError:
        return _UNSTORABLE.sub("\ufffd", text)
    return text.replace("\0", "\ufffd")


def storable(value: object) -> object:
    """The same JSON value without NUL characters, which PostgreSQL does not store."""
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [storable(inner) for inner in value]
        case dict():
            return {storable(name): storable(inner) for name, inner in value.items()}
        case _:
            return value


def _explain(errors: Sequence[ValidationError]) -> str:
    """The path and the rule of the schema that is broken; never the answer's content."""
    error = errors[0]
    match error.kind:
        case ValidationErrorKind.Required():
            kinds = [other.kind for other in errors if other.instance_path == error.instance_path]
            rule = "missing " + ", ".join(
                kind.property for kind in kinds if isinstance(kind, ValidationErrorKind.Required)
            )
        case ValidationErrorKind.AdditionalProperties():
            rule = "has a field that the schema does not name"
        case ValidationErrorKind.AnyOf():
            rule = "fits none of the alternatives"
        case kind:
            rule = f"must have {kind.name} {json.dumps(kind.value, ensure_ascii=False)}"
    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    return f"The answer does not fit the schema at {path[:200]}: {rule[:200]}."
