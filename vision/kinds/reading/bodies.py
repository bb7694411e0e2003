"""Bodies of status 2xx as servers really write them: JSON, JSON in a wrapper, or a stream of events put together.

Seen in public reports (2026-11): content as a list of parts (agent-framework 6978), events although `stream` was not
asked for (new-api 5230), errors in the body (litellm 8448, dify 9197), `data` or a list around the answer (relays).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_THOUGHT = re.compile(r"^\s*<(think|thinking|thought|reasoning)>.*?</\1>\s*", re.DOTALL | re.IGNORECASE)
_TEXTS = frozenset(("text", "output_text", None))
_STREAM = (b"data:", b"event:", b"id:", b":")


@dataclass(frozen=True, slots=True)
class Body:
    """`failed`: it says that the call failed. `broken_off`: a stream that has no end."""

    fields: dict[str, Any]
    failed: bool = False
    broken_off: bool = False

    @property
    def usage(self) -> object:
        """Where the usage is."""
        return self.fields.get("usage") or (self.fields.get("x_groq") or {}).get("usage")


def read_body(content: bytes, answer: str) -> Body:
    """Read a body whose answer is in the member `answer`; ValueError if it has neither an answer nor an error."""
    if content.lstrip()[:6].startswith(_STREAM):
        return _stream(content)
    value = orjson.loads(content)
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and answer not in value and isinstance(value.get("data"), dict):
        value = value | value["data"]
    if not isinstance(value, dict):
        raise TypeError
    if _says_failed(value, answer):
        return Body(value, failed=True)
    if not isinstance(value.get(answer), list):
        raise TypeError
    return Body(value)


def _says_failed(value: Mapping[str, Any], answer: str) -> bool:
    result = value.get("base_resp") or {}  # MiniMax
    if value.get("error") or (isinstance(result, Mapping) and result.get("status_code")):
        return True
    return not value.get(answer) and any(value.get(name) for name in ("message", "msg", "detail", "errors", "code"))


def text_of(message: Mapping[str, Any], choice: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The text of a message, without its thinking, and the words of a refusal; None: there is none."""
    content, refusal = message.get("content"), message.get("refusal")
    if isinstance(content, Mapping):
        content = [content]
    if isinstance(content, list):
        refused = [part for part in content if isinstance(part, Mapping) and part.get("type") == "refusal"]
        refusal = refusal or next((part.get("refusal") or part.get("text") for part in refused), None)
        texts = list(_parts(content))
        content = "".join(texts) if texts else None
    if not content:
        content = _arguments(message) or (content if content is not None else choice.get("text"))
    text = _THOUGHT.sub("", content, count=1) if isinstance(content, str) else None
    return text, str(refusal) if refusal else None


def _parts(content: list[Any]) -> Iterator[str]:
    for part in content:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping) and part.get("type") in _TEXTS and isinstance(part.get("text"), str):
            yield part["text"]


def _arguments(message: Mapping[str, Any]) -> str | None:
    """The arguments of a tool, where a server turns schemas into tools."""
    for call in message.get("tool_calls") or ():
        arguments = call["function"].get("arguments")
        return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    return None


def _stream(content: bytes) -> Body:
    """Chunks of chat completions as one completion."""
    fields: dict[str, Any] = {"choices": [{"message": {"content": ""}}]}
    choice = fields["choices"][0]
    done = False
    for data in _events(content):
        if data == b"[DONE]":
            done = True
            continue
        chunk = orjson.loads(data)
        if chunk.get("error"):
            return Body(chunk | ({"usage": chunk.get("usage") or fields.get("usage")}), failed=True)
        fields |= {name: value for name, value in chunk.items() if name != "choices" and value is not None}
        for part in (chunk.get("choices") or ())[:1]:
            _add(choice, part)
    return Body(fields, broken_off=not done)


def _events(content: bytes) -> Iterator[bytes]:
    for event in re.split(rb"\r?\n\r?\n", content):
        lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
        if lines:
            yield b"\n".join(lines)


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    message, said = choice["message"], part.get("delta") or part.get("message") or {}
    text, refusal = said.get("content"), said.get("refusal")
    message["content"] += "".join(_parts(text)) if isinstance(text, list) else text or ""
    if refusal:
        message["refusal"] = (message.get("refusal") or "") + refusal
    for name in ("finish_reason", "error", "content_filter_results"):
        if part.get(name):
            choice[name] = part[name]
