"""What a model said, read against the schema that it was asked to keep to."""

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from vision.errors import ItemError

# PostgreSQL stores neither NUL nor lone surrogates; both become the replacement character.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_FENCE = "```"
DEEPEST = 100
"""Levels of lists and objects in an answer; libraries neither check nor store what is nested much deeper."""
MOST_ERRORS = 100
"""Of an answer that does not fit: more are not looked at to say what is missing."""


class _Unchecked:
    """A keyword that every value satisfies.

    Of `pattern`: the provider keeps to it while it writes, and expressions differ between libraries.
    """

    def __init__(self, parent: object, value: object, path: object) -> None:
        pass

    def validate(self, instance: object) -> None:
        """Whatever the value is, it is accepted."""


class AnswerReader:
    """Reads the answers of one job; building the validator takes the time, so keep the reader."""

    def __init__(self, schema: dict[str, Any] | None) -> None:
        keywords: dict[str, Any] = {"pattern": _Unchecked}
        # `offline`: a schema may name another one by its address, which must not be fetched.
        self._validator = None if schema is None else Draft202012Validator(schema, keywords=keywords, offline=True)

    def read(self, text: str) -> Any:
        """The parsed answer, `{"text": …}` without a schema; ItemError `output_invalid`."""
        text = _storable_text(text)
        if self._validator is None:
            return {"text": text}
        answer = _parse(text)
        if not self._validator.is_valid(answer):
            errors = list(islice(self._validator.iter_errors(answer), MOST_ERRORS))
            raise ItemError(_explain(errors), code="output_invalid")
        return answer


def reader(schema: dict[str, Any] | None) -> AnswerReader:
    """An `AnswerReader` of this schema; those of the last schemas are kept."""
    return _reader(None if schema is None else orjson.dumps(schema))


@lru_cache(maxsize=64)
def _reader(schema: bytes | None) -> AnswerReader:
    return AnswerReader(None if schema is None else orjson.loads(schema))


def _parse(text: str) -> Any:
    """JSON, also within a Markdown code fence, as models without schema enforcement like to write it."""
    plain = text.strip()
    if plain.startswith(_FENCE):
        plain = plain.strip("`").removeprefix("json").removeprefix("JSON")
    try:
        answer = orjson.loads(plain)
    except orjson.JSONDecodeError as error:
        raise ItemError(
            f"The answer is not valid JSON: {error.msg} (character {error.pos} of {len(plain)}).",
            code="output_invalid",
        ) from None
    if plain.count("[") + plain.count("{") > DEEPEST and _depth(answer) > DEEPEST:
        raise ItemError(f"The answer is nested too deeply: {DEEPEST} levels at most.", code="output_invalid")
    return storable(answer) if "\\u0000" in text else answer


def _depth(value: Any) -> int:
    """How deep lists and objects are nested, counted without recursion."""
    depth, level = 0, [value]
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
    return depth


def _inside(value: Any) -> Iterable[Any]:
    match value:
        case list():
            return value
        case dict():
            return value.values()
        case _:
            return ()


def _storable_text(text: str) -> str:
    # Encoding and a search for one character are many times faster than the expression over a page of text.
    try:
        text.encode()
    except UnicodeEncodeError:
        return _UNSTORABLE.sub("\ufffd", text)
    return text.replace("\0", "\ufffd")


def storable(value: Any) -> Any:
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
    """Where and against which rule of the schema; never what the answer said there."""
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
