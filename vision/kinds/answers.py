"""What a model said, read against the schema that it was asked to keep to."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Protocol

import orjson
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from vision.errors import ItemError
from vision.kinds.shapes import compile_schema

# PostgreSQL stores neither NUL nor lone surrogates; both become the replacement character.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_FENCE = "```"
DEEPEST = 100
"""Levels of lists and objects in an answer; libraries neither check nor store what is nested much deeper."""

# The provider keeps to `pattern` while it writes; here a hostile expression could stall the worker.
_Validator = extend(Draft202012Validator, {"pattern": lambda *_: None})  # type: ignore[no-untyped-call] # stubs lack it


class _Errors(Protocol):
    def iter_errors(self, instance: Any) -> Iterable[ValidationError]: ...


class AnswerReader:
    """Reads the answers of one job; building the validator is the dear part, so keep the reader."""

    def __init__(self, schema: dict[str, Any] | None) -> None:
        self._fits = compile_schema(schema or {})
        self._validator: _Errors | None = None if schema is None else _Validator(schema, registry=Registry())

    def read(self, text: str) -> Any:
        """The parsed answer, `{"text": …}` without a schema; ItemError `output_invalid`."""
        text = _storable_text(text)
        if self._validator is None:
            return {"text": text}
        answer = _parse(text)
        if not self._fits(answer):
            _check(self._validator, answer)
        return answer


def read(text: str, schema: dict[str, Any] | None) -> Any:
    """As `AnswerReader(schema).read(text)`, with the readers of the last schemas kept."""
    return _reader(None if schema is None else orjson.dumps(schema)).read(text)


@lru_cache(maxsize=64)
def _reader(schema: bytes | None) -> AnswerReader:
    return AnswerReader(None if schema is None else orjson.loads(schema))


def _check(validator: _Errors, answer: Any) -> None:
    try:
        error = next(iter(validator.iter_errors(answer)), None)
    except RecursionError:
        raise ItemError("The answer is nested too deeply to be checked.", code="output_invalid") from None
    if error is not None:
        raise ItemError(_explain(error), code="output_invalid")


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
    return _storable(answer) if "\\u0000" in text else answer


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


def _storable(value: Any) -> Any:
    """The same value without NUL characters."""
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [_storable(inner) for inner in value]
        case dict():
            return {_storable(name): _storable(inner) for name, inner in value.items()}
        case _:
            return value


def _explain(error: ValidationError) -> str:
    """Where and against which rule of the schema; never what the answer said there."""
    match error.validator:
        case "required" if isinstance(error.instance, dict) and isinstance(error.schema, dict):
            rule = "missing " + ", ".join(name for name in error.schema["required"] if name not in error.instance)
        case "additionalProperties":
            rule = "has a field that the schema does not name"
        case "anyOf":
            rule = "fits none of the alternatives"
        case keyword:
            rule = f"must have {keyword} {json.dumps(error.validator_value, ensure_ascii=False)}"
    return f"The answer does not fit the schema at {error.json_path[:200]}: {rule[:200]}."
