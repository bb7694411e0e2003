"""Good answers in odd shapes: parts, streams, wrappers, and JSON with company."""

from typing import Any

import orjson
import pytest

from vision.errors import ItemError
from vision.kinds import KINDS, Ending, Failed, Reply
from vision.kinds.reading.answers import reader
from vision.prices import Usage

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}


def read(content: Any, finish: str | None = "stop", **message: Any) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return KINDS["chat"].read(orjson.dumps({"choices": [choice]}))


@pytest.mark.parametrize(
    ("content", "message", "text"),
    [
        ([{"type": "text", "text": '{"a"'}, {"type": "text", "text": ":1}"}], {}, '{"a":1}'),
        ([{"type": "reasoning", "text": "Hm."}, {"type": "output_text", "text": "{}"}], {}, "{}"),
        (["{", "}"], {}, "{}"),
        ({"type": "text", "text": "{}"}, {}, "{}"),
        ("<think>A cat?\n{}</think>\n{}", {}, "{}"),
        ("{}", {"reasoning_content": "A cat?", "refusal": None}, "{}"),
        (None, {"tool_calls": [{"function": {"name": "answer", "arguments": '{"a":1}'}}]}, '{"a":1}'),
        ("", {"tool_calls": [{"function": {"name": "answer", "arguments": {"a": 1}}}]}, '{"a":1}'),
    ],
)
def test_the_text_is_found(content: Any, message: dict[str, Any], text: str) -> None:
    assert read(content, **message).text == text


@pytest.mark.parametrize(
    ("finish", "ending"),
    [
        ("STOP", Ending.ANSWERED),
        ("end_turn", Ending.ANSWERED),
        ("MAX_TOKENS", Ending.OUTPUT_TRUNCATED),
        ("SAFETY", Ending.CONTENT_FILTERED),
        ("refusal", Ending.REFUSED),
    ],
)
def test_endings_by_other_names(finish: str, ending: Ending) -> None:
    assert read("{}", finish).ending is ending


def stream(*chunks: object, done: bool = True, newline: str = "\n") -> bytes:
    lines = [f"data: {orjson.dumps(chunk).decode()}" for chunk in chunks] + (["data: [DONE]"] if done else [])
    return (newline * 2).join(lines).encode()


CHUNKS = [
    {"choices": [{"delta": {"role": "assistant", "content": '{"a"'}}], "usage": None},
    {"choices": [{"delta": {"content": ":1}", "reasoning_content": "x"}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}},
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_stream_that_nobody_asked_for_is_put_together(newline: str) -> None:
    reply = KINDS["chat"].read(stream(*CHUNKS, newline=newline))
    assert (reply.ending, reply.text, reply.usage) == (Ending.ANSWERED, '{"a":1}', Usage(9, 5))


def test_a_stream_that_broke_off_is_no_answer() -> None:
    with pytest.raises(Failed) as failed:
        KINDS["chat"].read(stream(CHUNKS[0], done=False))
    assert failed.value.charged
    with pytest.raises(Failed):
        KINDS["chat"].read(stream(CHUNKS[0], {"error": {"code": 502, "message": "Gone"}}, done=False))


def test_an_answer_in_a_wrapper() -> None:
    body = {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}
    for wrapped in ({"code": 0, "data": body}, [body]):
        assert KINDS["chat"].read(orjson.dumps(wrapped)).text == "{}"


def test_usage_by_the_other_protocols_names() -> None:
    body = {"choices": [{"message": {"content": "{}"}}], "usage": {"input_tokens": 9, "output_tokens": 5}}
    assert KINDS["chat"].read(orjson.dumps(body)).usage == Usage(9, 5)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1}',
        'Sure! Here it is:\n```json\n{"a": 1}\n```\nAnything else?',
        'The {object} is {"a": 1}.',
        "{'a': 1,}",
        "{a: 1 /* one */}",
        '[{"a": 1}]',
        '"{\\"a\\": 1}"',
        '{"a": 1} and again {"a": 1}',
        '\ufeff{"a": 1}',
    ],
)
def test_json_is_taken_out_of_its_company(text: str) -> None:
    assert reader(SCHEMA).read(text) == {"a": 1}


@pytest.mark.parametrize("text", ['{"a": 1} or {"a": 2}', '{"a": ', "{a}", '{"a": one}', '{"b": 1}', "a: 1"])
def test_nothing_is_guessed(text: str) -> None:
    with pytest.raises(ItemError) as caught:
        reader(SCHEMA).read(text)
    assert caught.value.code == "output_invalid"
