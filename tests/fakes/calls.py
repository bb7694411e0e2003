"""Reading requests: OpenAI's wire formats → one Call."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from tests.fakes.pictures import Picture


class Rejected(Exception):
    """The provider's own error body and status."""

    def __init__(
        self, status: int, message: str, code: str | None, *, param: str | None = None, kind: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        kind = kind or "invalid_request_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(slots=True)
class Call:
    """What one request asks for."""

    api: str
    model: str
    key: str
    texts: list[str] = field(default_factory=list)
    # (URL or data URL, detail)
    images: list[tuple[str, str]] = field(default_factory=list)
    schema: dict[str, Any] | None = None
    schema_text: str = ""
    # In the words of the prompt.
    asked_schema: dict[str, Any] | None = None
    by_tool: bool = False
    max_tokens: int | None = None
    pictures: list[Picture] = field(default_factory=list)

    @property
    def sources(self) -> str:
        """Every image's identity, one a line."""
        return "\n".join([picture.source for picture in self.pictures])


Fill = Callable[[Call, dict[str, Any]], None]


def read(fill: Fill, api: str, key: str, body: Any) -> Call:
    """A JSON body → Call, by what its API knows of it; Rejected."""
    if not (isinstance(body, dict) and isinstance(body.get("model"), str)):
        raise Rejected(400, "you must provide a model parameter", None)
    call = Call(api, body["model"], key)
    fill(call, body)
    if body.get("stream"):
        raise Rejected(400, "This fake does not stream.", "unsupported_value", param="stream")
    if call.schema is not None:
        call.schema_text = orjson.dumps(call.schema).decode()
        if problem := strict_problem(call.schema_text):
            message = f"Invalid schema for response_format: {problem}"
            raise Rejected(400, message, "invalid_json_schema", param="response_format")
    return call


def chat(call: Call, body: dict[str, Any]) -> None:
    """Chat completions."""
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        raise Rejected(400, "Missing required parameter: 'messages'.", "missing_required_parameter")
    for message in body["messages"]:
        _read_content(call, message.get("content"))
    call.max_tokens = body.get("max_completion_tokens") or body.get("max_tokens")
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        call.schema = form["json_schema"]["schema"]
    call.asked_schema = asked_schema(call.texts)


def messages(call: Call, body: dict[str, Any]) -> None:
    """Anthropic's messages."""
    if not isinstance(body.get("max_tokens"), int):
        raise Rejected(400, "max_tokens: Field required", None)
    _read_content(call, body.get("system"))
    for message in body["messages"]:
        _read_content(call, message.get("content"))
    call.max_tokens = body["max_tokens"]
    form = (body.get("output_config") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        call.schema = form["schema"]
        if '"maximum"' in orjson.dumps(call.schema).decode():
            raise Rejected(400, "output_config.format.schema: 'maximum' is not supported.", None)
    elif body.get("tool_choice"):
        call.schema, call.by_tool = body["tools"][0]["input_schema"], True
    call.asked_schema = asked_schema(call.texts)


def responses(call: Call, body: dict[str, Any]) -> None:
    """Responses."""
    if not body.get("input"):
        raise Rejected(400, "Missing required parameter: 'input'.", "missing_required_parameter")
    _read_content(call, body.get("instructions"))
    items = body["input"] if isinstance(body["input"], list) else [{"content": body["input"]}]
    for item in items:
        _read_content(call, item.get("content"))
    call.max_tokens = body.get("max_output_tokens")
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        call.schema = form["schema"]
    call.asked_schema = asked_schema(call.texts)


def asked_schema(texts: list[str]) -> dict[str, Any] | None:
    """A schema that stands in a prompt on a line of its own."""
    lines = [line for text in texts for line in text.splitlines() if line.startswith('{"')]
    schemas = [schema for line in lines if isinstance(schema := orjson.loads(line), dict) and "properties" in schema]
    return schemas[-1] if schemas else None


def _read_content(call: Call, content: Any) -> None:
    if isinstance(content, str):
        call.texts.append(content)
        return
    for part in content or ():
        kind = part.get("type")
        if kind in ("text", "input_text", "output_text"):
            call.texts.append(part["text"])
        elif kind == "image_url" and isinstance(part.get("image_url"), dict):
            call.images.append((part["image_url"]["url"], part["image_url"].get("detail") or "auto"))
        elif kind == "image":
            source = part["source"]
            url = source.get("url") or f"data:{source['media_type']};base64,{source['data']}"
            call.images.append((url, "auto"))
        elif kind == "input_image":
            call.images.append((part["image_url"], part.get("detail") or "auto"))
        else:
            raise Rejected(400, f"Invalid value: {kind!r} in a content part.", "invalid_value")


@lru_cache(maxsize=1024)
def strict_problem(schema_text: str) -> str | None:
    """What strict mode refuses in a schema, or None (facts §6)."""
    schema = orjson.loads(schema_text)
    if schema.get("type") != "object" or "anyOf" in schema:
        return "the root must be an object and not anyOf."
    return next(_problems(schema, "()"), None)


def _problems(schema: Any, where: str) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from _problems(part, where)
    if not isinstance(schema, dict):
        return
    for word in ("allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else"):
        if word in schema:
            yield f"In context={where}, '{word}' is not permitted."
    properties = schema.get("properties", {})
    if "properties" in schema or schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield f"In context={where}, 'additionalProperties' is required to be supplied and to be false."
        if set(schema.get("required", ())) != set(properties):
            yield f"In context={where}, 'required' must include every key in properties."
    for name, part in (properties | schema.get("$defs", {})).items():
        yield from _problems(part, f"{where}.{name}")
    yield from _problems(schema.get("items"), f"{where}.items")
    yield from _problems(schema.get("anyOf"), where)
