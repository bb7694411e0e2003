"""Anthropic's messages: requests and replies."""

from typing import Any

import orjson
import pytest

from vision.kinds import KINDS, Dialect, Ending, Failed, Question
from vision.prices import Usage
from vision.provider.call_result import Response, read
from vision.provider.failures import Then

KIND = KINDS["messages"]
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"maximum": {"type": "number", "maximum": 1}, "tags": {"type": "array", "maxItems": 3}},
    "required": ["maximum", "tags"],
}
PLAIN = {
    "type": "object",
    "properties": {"maximum": {"type": "number"}, "tags": {"type": "array"}},
    "required": ["maximum", "tags"],
}
QUESTION = Question("What is it?", "answer", SCHEMA, "auto", 300)
USAGE = {"input_tokens": 9, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 5}


def request(**dialect: str) -> Any:
    return orjson.loads(
        KIND.request("claude", QUESTION, ["data:image/png;base64,AAAA", "https://x/1.jpg"], Dialect(**dialect))
    )  # type: ignore[arg-type]


def message(stop: str | None, *content: dict[str, Any], **more: Any) -> bytes:
    return orjson.dumps({"type": "message", "content": list(content), "stop_reason": stop, "usage": USAGE} | more)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_a_request() -> None:
    body = request()
    assert (body["model"], body["max_tokens"], body["system"]) == ("claude", 300, "What is it?")
    assert [part["source"] for part in body["messages"][0]["content"]] == [
        {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        {"type": "url", "url": "https://x/1.jpg"},
    ]
    assert body["output_config"]["format"] == {"type": "json_schema", "schema": PLAIN}


def test_structure_by_a_tool_or_in_words() -> None:
    body = request(structure="tool")
    assert body["tools"] == [{"name": "answer", "input_schema": SCHEMA}]
    assert body["tool_choice"] == {"type": "tool", "name": "answer"}
    assert orjson.dumps(SCHEMA).decode() in request(structure="prompt")["system"]


@pytest.mark.parametrize(
    ("content", "ending", "words"),
    [
        (message("end_turn", text('{"a"'), text(":1}")), Ending.ANSWERED, '{"a":1}'),
        (message("end_turn", {"type": "thinking", "thinking": "Hm."}, text("{}")), Ending.ANSWERED, "{}"),
        (message("tool_use", text("Here:"), {"type": "tool_use", "input": {"a": 1}}), Ending.ANSWERED, '{"a":1}'),
        (message("max_tokens", text("{")), Ending.OUTPUT_TRUNCATED, "{"),
        (message("model_context_window_exceeded"), Ending.OUTPUT_TRUNCATED, ""),
        (message("refusal", text("I will not.")), Ending.REFUSED, "I will not."),
    ],
)
def test_a_reply(content: bytes, ending: Ending, words: str) -> None:
    reply = KIND.read(content)
    assert (reply.ending, reply.text) == (ending, words)
    assert reply.usage == Usage(129, 5, cached_tokens=100, cache_write_tokens=20)


@pytest.mark.parametrize(
    ("status", "kind", "then", "code"),
    [
        (529, "overloaded_error", Then.DOWN, "upstream_error"),
        (429, "rate_limit_error", Then.PACE, "rate_limit_exceeded"),
        (401, "authentication_error", Then.PAUSE, "upstream_auth"),
        (413, "request_too_large", Then.NEVER, "request_too_large"),
        (400, "invalid_request_error", Then.NEVER, "upstream_rejected"),
        (500, "api_error", Then.LATER, "upstream_error"),
        (200, "overloaded_error", Then.DOWN, "upstream_error"),
    ],
)
def test_errors(status: int, kind: str, then: Then, code: str) -> None:
    body = orjson.dumps({"type": "error", "error": {"type": kind, "message": "No."}, "request_id": "req_1"})
    found = read(KIND, Response(status, {"request-id": "req_1"}, body))
    assert found.failure
    assert (found.failure.then, found.failure.code, found.request_id) == (then, code, "req_1")


def test_nothing_is_no_answer() -> None:
    failure = read(KIND, Response(200, {}, message("end_turn"))).failure
    assert failure
    assert failure.code == "upstream_invalid_response"
    with pytest.raises(Failed):
        KIND.read(orjson.dumps({"type": "error", "error": {"type": "api_error", "message": "No."}}))
