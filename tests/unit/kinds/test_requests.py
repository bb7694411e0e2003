"""Request bodies of `chat` and `responses`, and what they demand."""

from typing import Any

import orjson
import pytest

from vision.kinds import KINDS, Question

SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}}
IMAGES = ["data:image/png;base64,AAAA", "https://a.example/b.jpg"]


def body(kind: str, schema: dict[str, Any] | None) -> tuple[dict[str, Any], bytes]:
    raw = KINDS[kind].request("gpt-4o", Question("Look.", "moderation", schema, "high", 300), IMAGES)
    return orjson.loads(raw), raw


def test_chat() -> None:
    sent, raw = body("chat", SCHEMA)
    assert KINDS["chat"].path == "/chat/completions"
    assert sent == {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Look."},
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": url, "detail": "high"}} for url in IMAGES],
            },
        ],
        "max_completion_tokens": 300,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "moderation", "strict": True, "schema": SCHEMA},
        },
    }
    assert raw.index(b'"z"') < raw.index(b'"a"'), "the model answers in the order of the schema"


def test_responses() -> None:
    sent, raw = body("responses", SCHEMA)
    assert KINDS["responses"].path == "/responses"
    assert sent == {
        "model": "gpt-4o",
        "instructions": "Look.",
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": url, "detail": "high"} for url in IMAGES],
            }
        ],
        "max_output_tokens": 300,
        "store": False,
        "text": {"format": {"type": "json_schema", "name": "moderation", "strict": True, "schema": SCHEMA}},
    }
    assert raw.index(b'"z"') < raw.index(b'"a"')


@pytest.mark.parametrize(("kind", "place"), [("chat", "response_format"), ("responses", "text")])
def test_without_a_schema_no_format_is_asked_for(kind: str, place: str) -> None:
    assert place not in body(kind, None)[0]


@pytest.mark.parametrize("kind", ["chat", "responses"])
def test_what_is_shared_comes_before_the_images(kind: str) -> None:
    _, raw = body(kind, SCHEMA)
    assert raw.index(b"Look.") < raw.index(b"data:image")


@pytest.mark.parametrize("kind", ["chat", "responses"])
@pytest.mark.parametrize(("high", "likely"), [(None, 100 + 40 + 300), (60, 100 + 40 + 60), (900, 100 + 40 + 300)])
def test_a_call_demands_images_text_and_the_longest_answer(kind: str, high: int | None, likely: int) -> None:
    question = Question("?", "answer", None, "high", 300, 50, 40, high)
    assert KINDS[kind].demand(question, 100, 2) == (100 + 50 + 300, likely, 2)


def test_what_is_likely_is_never_above_the_most() -> None:
    question = Question("?", "answer", None, "high", 300, 50, likely_text_tokens=500)
    assert KINDS["chat"].demand(question, 100, 1) == (450, 450, 1)
