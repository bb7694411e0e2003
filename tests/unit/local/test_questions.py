"""Requests at both doors: the same question comes out, or an error that says what to do."""

from typing import Any

import pytest

from local import chat, responses
from local.errors import WireError
from local.local_request import ImageRef, LocalRequest

URL = "https://example.com/a.jpg"
SCHEMA = {"type": "object", "properties": {}}


def chat_body(**changes: Any) -> dict[str, Any]:
    content = [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    form = {"type": "json_schema", "json_schema": {"name": "ocr", "strict": True, "schema": SCHEMA}}
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
    return {"model": "tessera-local", "messages": messages, "response_format": form} | changes


def responses_body(**changes: Any) -> dict[str, Any]:
    content = [
        {"type": "input_text", "text": "Look."},
        {"type": "input_image", "image_url": URL, "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
    ]
    form = {"format": {"type": "json_schema", "name": "ocr", "strict": True, "schema": SCHEMA}}
    messages = [{"role": "user", "content": content}]
    return {"model": "tessera-local", "instructions": "Be brief.", "input": messages, "text": form} | changes


def test_both_doors_read_the_same_question() -> None:
    images = (ImageRef(URL, "low"), ImageRef("data:image/png;base64,AAAA", "auto"))
    expected = LocalRequest("ocr", SCHEMA, "Be brief.\nLook.", images)
    assert chat.read(chat_body()) == expected
    assert responses.read(responses_body()) == expected


@pytest.mark.parametrize(
    "form",
    [
        None,
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "chart", "schema": SCHEMA}},
        {"type": "json_schema", "json_schema": {"name": ["ocr"], "schema": SCHEMA}},
    ],
)
def test_other_tasks_are_refused_plainly(form: Any) -> None:
    with pytest.raises(WireError) as caught:
        chat.read(chat_body(response_format=form))
    assert (caught.value.status, caught.value.code) == (400, "unsupported_task")
    assert "not a language model" in caught.value.message
    assert "moderation, ocr, product_tagging" in caught.value.message


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"model": "gpt-4o"}, 404, "model_not_found"),
        ({"model": None}, 404, "model_not_found"),
        ({"stream": True}, 400, "unsupported_value"),
        ({"messages": None}, 400, "invalid_type"),
        ({"messages": ["hello"]}, 400, "invalid_type"),
        ({"messages": [{"role": "user", "content": 5}]}, 400, "invalid_type"),
        ({"messages": [{"role": "user", "content": "no image"}]}, 400, "missing_image"),
        ({"messages": [{"content": [{"type": "image_url", "image_url": URL}]}]}, 400, "invalid_image_url"),
        (
            {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "file:///etc"}}]}]},
            400,
            "invalid_image_url",
        ),
        ({"response_format": {"json_schema": {"name": "ocr"}}}, 400, "invalid_schema"),
    ],
)
def test_malformed_chat_requests(changes: dict[str, Any], status: int, code: str) -> None:
    with pytest.raises(WireError) as caught:
        chat.read(chat_body(**changes))
    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"input": None}, "invalid_type"),
        ({"input": "no image"}, "missing_image"),
        ({"input": [{"content": [{"type": "input_image", "file_id": "file-1"}]}]}, "invalid_image_url"),
        ({"text": None}, "unsupported_task"),
    ],
)
def test_malformed_responses_requests(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(WireError) as caught:
        responses.read(responses_body(**changes))
    assert caught.value.code == code
