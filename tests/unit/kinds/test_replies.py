"""Replies of `chat` and `responses`: every ending, with and without usage, and bodies that are none."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.kinds import KINDS, Ending, Failed, Reply
from vision.prices import Usage
from vision.provider import call_result
from vision.provider.call_result import CallResult, Response
from vision.provider.failures import Then

CHAT_USAGE = {
    "prompt_tokens": 900,
    "completion_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 128, "cache_write_tokens": 64, "image_tokens": 765},
}
RESPONSES_USAGE = {
    "input_tokens": 900,
    "output_tokens": 50,
    "input_tokens_details": {"cached_tokens": 128, "cache_write_tokens": 64, "image_tokens": 765},
}
FULL = Usage(900, 50, 765, 128, 64)


def chat(content: Any = "{}", finish: str | None = "stop", refusal: Any = None, **more: Any) -> bytes:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return orjson.dumps({"choices": [{"index": 0, "message": message, "finish_reason": finish}], **more})


def responses(*parts: dict[str, Any], status: str = "completed", **more: Any) -> bytes:
    output = [{"type": "reasoning", "summary": []}]
    output += [{"type": "message", "role": "assistant", "content": list(parts)}] if parts else []
    return orjson.dumps({"status": status, "output": output, **more})


def read(kind: str, content: bytes) -> Reply:
    return KINDS[kind].read(content)


def ended(kind: str, content: bytes) -> CallResult:
    return call_result.read(KINDS[kind], Response(200, {}, content))


def said(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


@pytest.mark.parametrize(
    ("kind", "content", "ending", "text"),
    [
        ("chat", chat('{"a":1}'), Ending.ANSWERED, '{"a":1}'),
        ("chat", chat(""), Ending.ANSWERED, ""),
        ("chat", chat("{}", None), Ending.ANSWERED, "{}"),
        ("chat", chat(None, "stop", "I cannot."), Ending.REFUSED, "I cannot."),
        ("chat", chat('{"a":', "length"), Ending.OUTPUT_TRUNCATED, '{"a":'),
        ("chat", chat(None, "length"), Ending.OUTPUT_TRUNCATED, ""),
        ("chat", chat(None, "content_filter"), Ending.CONTENT_FILTERED, ""),
        ("responses", responses(said('{"a":'), said("1}")), Ending.ANSWERED, '{"a":1}'),
        ("responses", responses({"type": "refusal", "refusal": "I cannot."}), Ending.REFUSED, "I cannot."),
        (
            "responses",
            responses(said("{"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            Ending.OUTPUT_TRUNCATED,
            "{",
        ),
        (
            "responses",
            responses(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            Ending.OUTPUT_TRUNCATED,
            "",
        ),
        (
            "responses",
            responses(status="incomplete", incomplete_details={"reason": "content_filter"}),
            Ending.CONTENT_FILTERED,
            "",
        ),
        ("responses", responses(said("{"), status="incomplete", incomplete_details=None), Ending.OUTPUT_TRUNCATED, "{"),
    ],
)
def test_endings(kind: str, content: bytes, ending: Ending, text: str) -> None:
    assert read(kind, content) == Reply(ending, text, None)


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter"])
def test_usage_is_told_at_every_ending(finish: str) -> None:
    assert read("chat", chat("{}", finish, usage=CHAT_USAGE)).usage == FULL
    assert read("chat", chat(None, finish, "No.", usage=CHAT_USAGE)).usage == FULL


def test_usage_of_responses() -> None:
    assert read("responses", responses(said("{}"), usage=RESPONSES_USAGE)).usage == FULL
    incomplete = responses(status="incomplete", incomplete_details=None, usage=RESPONSES_USAGE)
    assert read("responses", incomplete).usage == FULL


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None, "image_tokens": None}])
def test_details_may_be_missing(details: Any) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": details}
    assert read("chat", chat(usage=usage)).usage == Usage(9, 5)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        "none",
        {"prompt_tokens": 9},
        {"prompt_tokens": None, "completion_tokens": 5},
        {"prompt_tokens": "many", "completion_tokens": 5},
        {"prompt_tokens": -9, "completion_tokens": 5},
        {"prompt_tokens": 2**40, "completion_tokens": 5},
        {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": []},
        {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2**31}},
    ],
)
def test_a_good_answer_is_kept_without_usage_or_with_a_broken_one(usage: Any) -> None:
    reply = read("chat", chat('{"a":1}', usage=usage))
    assert reply.text == '{"a":1}'
    assert reply.usage is None or reply.usage == Usage(9, 5)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"total_tokens": 314}, Usage(9, 5, total_tokens=314)),
        ({"completion_tokens_details": {"reasoning_tokens": 300}}, Usage(9, 300)),
    ],
)
def test_where_parts_and_sums_do_not_add_up_the_larger_count_is_taken(more: dict[str, Any], expected: Usage) -> None:
    assert read("chat", chat(usage={"prompt_tokens": 9, "completion_tokens": 5} | more)).usage == expected


@pytest.mark.parametrize("usage", [None, RESPONSES_USAGE])
def test_a_response_that_failed_keeps_the_providers_error(usage: Any) -> None:
    error = {"code": "server_error", "message": "Sorry."}
    with pytest.raises(Failed) as failed:
        read("responses", responses(status="failed", error=error, usage=usage))
    assert failed.value.error["error"] == error
    assert failed.value.charged == (usage is not None)


JUNK: list[bytes] = [
    b"",
    b"<html>",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{}",
    b'{"choices":[]}',
    b'{"choices":null}',
    b'{"choices":[{"message":null,"finish_reason":"stop"}]}',
    b'{"choices":[{"finish_reason":"stop"}]}',
    chat(None),
    chat([{"type": "text"}]),
    chat("{}")[:-5],
    b'{"output":null}',
    b'{"output":[]}',
    b'{"output":[7]}',
    b'{"status":"completed","output":[{"type":"message","content":null}]}',
    b'{"status":"completed","output":[{"type":"message","content":[{"type":"output_text"}]}]}',
    responses(),
]


@pytest.mark.parametrize("kind", ["chat", "responses"])
@pytest.mark.parametrize("content", JUNK)
def test_a_body_of_another_shape_is_the_providers_error(kind: str, content: bytes) -> None:
    failure = ended(kind, content).failure
    assert failure
    assert (failure.code, failure.then, failure.unknown_cost) == ("upstream_invalid_response", Then.LATER, True)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 2**40) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "output", "type", "usage", "status"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(["chat", "responses"]), VALUES)
def test_whatever_comes_is_a_reply_or_the_providers_error(kind: str, body: Any) -> None:
    found = ended(kind, orjson.dumps(body))
    assert isinstance(found.reply, Reply) != bool(found.failure)
