"""Request bodies of both protocols."""

from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from vision.prices import PriceSchedule
from vision.provider.catalogue import Api, Lane, Provider
from vision.provider.limits import Limit
from vision.provider.requests import Question, build

SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}}
IMAGES = ["data:image/png;base64,AAAA", "https://a.example/b.jpg"]


def body(api: Api, schema: dict[str, Any] | None) -> tuple[str, dict[str, Any], bytes]:
    provider = Provider("acme", "https://acme.example/v1", SecretStr("k"), api, "inline")
    lane = Lane("acme/gpt-4o", provider, "gpt-4o", Limit(1, 1), "none", PriceSchedule("gpt-4o"), None)
    path, raw = build(lane, Question("Look.", "moderation", schema, "high", 300), IMAGES)
    return path, orjson.loads(raw), raw


def test_chat() -> None:
    path, sent, raw = body("chat", SCHEMA)
    assert path == "/chat/completions"
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
    path, sent, raw = body("responses", SCHEMA)
    assert path == "/responses"
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


@pytest.mark.parametrize(("api", "place"), [("chat", "response_format"), ("responses", "text")])
def test_without_a_schema_no_format_is_asked_for(api: Api, place: str) -> None:
    assert place not in body(api, None)[1]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_what_is_shared_comes_before_the_images(api: Api) -> None:
    _, _, raw = body(api, SCHEMA)
    assert raw.index(b"Look.") < raw.index(b"data:image")
