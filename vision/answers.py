"""What a model said, read against the schema that it was asked to keep to."""

import json
import re
from functools import lru_cache
from typing import Any, Protocol

import orjson
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from vision.errors import ItemError

# PostgreSQL stores neither NUL nor lone surrogates; both become the replacement character.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_FENCE = re.compile(r"\s*```\w*\s*(.*?)\s*```\s*", re.DOTALL)

# The provider keeps to `pattern` while it writes; here a hostile expression could stall the worker.
_Validator = extend(Draft202012Validator, {"pattern": lambda *_: None})  # type: ignore[no-untyped-call] # stubs lack it


class _Check(Protocol):
    def iter_errors(self, instance: Any) -> Any: ...


class AnswerReader:
    """Reads the answers of one job; building the validator is the dear part, so keep the reader."""

    def __init__(self, schema: dict[str, Any] | None) -> None:
        self._validator: _Check | None = None if schema is None else _Validator(schema, registry=Registry())

    def read(self, text: str) -> Any:
        """The parsed answer, `{"text": …}` without a schema; ItemError `output_invalid`."""
        text = _UNSTORABLE.sub("\ufffd", text)
        if self._validator is None:
            return {"text": text}
        answer = _parse(text)
        try:
            error = next(iter(self._validator.iter_errors(answer)), None)
        except RecursionError:
            raise ItemError("The answer is nested too deeply to be checked.", code="output_invalid") from None
        if error is not None:
            raise ItemError(_explain(error), code="output_invalid")
        return answer


def read(text: str, schema: dict[str, Any] | None) -> Any:
    """As `AnswerReader(schema).read(text)`, with the readers of the last schemas kept."""
    return _reader(None if schema is None else json.dumps(schema)).read(text)


@lru_cache(maxsize=64)
def _reader(schema: str | None) -> AnswerReader:
    return AnswerReader(None if schema is None else json.loads(schema))


def _parse(text: str) -> Any:
    """JSON, also within a Markdown code fence, as models without schema enforcement like to write it."""
    fenced = _FENCE.fullmatch(text) if "```" in text else None
    try:
        answer = orjson.loads(fenced[1] if fenced else text)
    except orjson.JSONDecodeError as error:
        raise ItemError(
            f"The answer is not valid JSON: {error.msg} (character {error.pos} of {len(text)}).",
            code="output_invalid",
        ) from None
    return _storable(answer) if "\\u0000" in text else answer


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
