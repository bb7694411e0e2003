"""Anthropic's messages. The prompt is the system text, so that its beginning can be cached; images come as blocks.

Structure by `output_config.format` (no header is needed any more; bounds of numbers and lengths are refused there and
left to our own check), or by a tool that must be used. Usage states cached tokens beside the input, not within. Source:
platform.claude.com/docs/en/api/messages and …/build-with-claude/structured-outputs, read 2026-11-27.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from vision.kinds.dialect import PUBLISHED, Dialect, in_words
from vision.kinds.prompted import Prompted
from vision.kinds.question import Question
from vision.kinds.reading.bodies import read_body
from vision.kinds.reading.usage import added_up
from vision.kinds.reply import Ending, Failed, Reply
from vision.prices import Usage

_ENDINGS = {
    "max_tokens": Ending.OUTPUT_TRUNCATED,
    "model_context_window_exceeded": Ending.OUTPUT_TRUNCATED,
    "refusal": Ending.REFUSED,
}
_UNSUPPORTED = frozenset(
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
     "minItems", "uniqueItems", "pattern")
)  # fmt: skip
_INLINE = re.compile(r"data:([\w.+/-]+);base64,", re.IGNORECASE)


class Messages(Prompted):
    """`POST /messages`."""

    name = "messages"
    path = "/messages"
    headers: Mapping[str, str] = {"anthropic-version": "2023-06-01"}
    settings: Mapping[str, tuple[str, ...]] = {"structure": ("json_schema", "tool", "prompt")}

    def request(self, model: str, question: Question, images: Sequence[str], dialect: Dialect = PUBLISHED) -> bytes:
        """The prompt as system text, the images as blocks of one user message."""
        structured = question.schema is not None
        in_prompt = structured and dialect.structure in {"json_object", "prompt"}
        body: dict[str, object] = {
            "model": model,
            "max_tokens": question.max_output_tokens,
            "system": in_words(question.prompt, question.schema_text) if in_prompt else question.prompt,
            "messages": [{"role": "user", "content": [_block(url) for url in images]}],
        }
        if structured and dialect.structure == "json_schema":
            body["output_config"] = {"format": {"type": "json_schema", "schema": _plain(question.schema)}}
        elif structured and dialect.structure == "tool":
            body["tools"] = [{"name": question.name, "input_schema": question.schema_json}]
            body["tool_choice"] = {"type": "tool", "name": question.name}
        return orjson.dumps(dialect.body(body))

    def read(self, content: bytes) -> Reply:
        """All text, or what the tool was given."""
        found = read_body(content, "content")
        body = found.fields
        reported = _usage(body.get("usage"))
        if found.failed:
            raise Failed(body, charged=reported is not None)
        stop = str(body.get("stop_reason") or "")
        blocks = body["content"]
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        for block in blocks:
            if block["type"] == "tool_use":
                text = orjson.dumps(block["input"]).decode()
        ending = _ENDINGS.get(stop, Ending.ANSWERED)
        if not blocks and ending is Ending.ANSWERED:
            raise ValueError
        return Reply(ending, text, reported)


def _block(url: str) -> dict[str, object]:
    if inline := _INLINE.match(url):
        source = {"type": "base64", "media_type": inline[1].lower(), "data": url[inline.end() :]}
        return {"type": "image", "source": source}
    return {"type": "image", "source": {"type": "url", "url": url}}


def _plain(schema: Any) -> Any:
    """The schema without what is not supported there."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    named = schema.get("properties")
    kept = {name: _plain(value) for name, value in schema.items() if name not in _UNSUPPORTED and name != "properties"}
    if not isinstance(named, dict):
        return kept
    properties = {"properties": {name: _plain(value) for name, value in named.items()}}
    return {name: (properties | kept)[name] for name in schema if name in kept or name == "properties"}


def _usage(reported: Any) -> Usage | None:
    """Input with what was read from and written to the cache."""
    return added_up(
        reported, "input_tokens", "output_tokens", read="cache_read_input_tokens", cache="cache_creation_input_tokens"
    )
