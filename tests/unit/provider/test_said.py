"""Errors wherever providers, relays and gateways put them."""

from typing import Any

import orjson
import pytest

from vision.kinds import KINDS
from vision.provider.call_result import CallResult, Response, read
from vision.provider.failures import Failure, Then, classify
from vision.provider.failures.waits import retry_after

NOW = 1_800_000_000.0


def chat(status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> CallResult:
    return read(KINDS["chat"], Response(status, headers or {}, orjson.dumps(body)))


def failure(**body: Any) -> Failure:
    found = chat(**body).failure
    assert found
    return found


USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
EMPTY = {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": None}


@pytest.mark.parametrize(
    ("body", "then", "code"),
    [
        ({"error": {"message": "Provider returned error", "code": 429}}, Then.PACE, "rate_limit_exceeded"),
        (
            {"choices": [EMPTY], "usage": USAGE, "error": {"message": "Provider returned error", "code": 429}},
            Then.PACE,
            "rate_limit_exceeded",
        ),
        (
            {"choices": [EMPTY | {"error": {"code": "429", "message": "Slow"}}], "usage": USAGE},
            Then.PACE,
            "rate_limit_exceeded",
        ),
        ({"error": {"message": "Overloaded", "type": "overloaded_error"}}, Then.DOWN, "upstream_error"),
        ({"error": {"message": "Provider returned error"}}, Then.LATER, "upstream_error"),
        ({"error": "upstream request failed"}, Then.LATER, "upstream_error"),
        ({"error": {"message": "Insufficient credits", "code": 402}}, Then.PAUSE, "upstream_quota"),
        ({"error": {"message": "No auth credentials found", "code": 401}}, Then.PAUSE, "upstream_auth"),
        ({"code": 500, "message": "Internal", "data": None}, Then.LATER, "upstream_error"),
        (
            {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}, "choices": None},
            Then.PAUSE,
            "upstream_quota",
        ),
        ({"choices": [EMPTY | {"finish_reason": "error"}], "usage": USAGE}, Then.LATER, "upstream_error"),
    ],
)
def test_a_200_may_hold_an_error(body: dict[str, Any], then: Then, code: str) -> None:
    found = failure(**body)
    assert (found.then, found.code, found.unknown_cost) == (then, code, False)


def test_what_was_charged_before_an_error_counts() -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 5}
    assert failure(choices=[EMPTY | {"finish_reason": "error"}], usage=usage).unknown_cost


RAW = orjson.dumps({"error": {"message": "The image is too dark.", "code": "invalid_image"}}).decode()


@pytest.mark.parametrize(
    ("status", "body", "then", "code", "words"),
    [
        (500, {"error": {"message": "Provider returned error", "code": 429}}, Then.PACE, "rate_limit_exceeded", ""),
        (
            400,
            {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": RAW}}},
            Then.NEVER,
            "image_corrupt",
            "The image is too dark.",
        ),
        (400, {"error": {"message": RAW}}, Then.NEVER, "image_corrupt", "The image is too dark."),
        (
            400,
            [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded"}}],
            Then.PACE,
            "rate_limit_exceeded",
            "",
        ),
        (
            422,
            {"detail": [{"loc": ["body", "messages"], "msg": "Field required", "type": "missing"}]},
            Then.NEVER,
            "upstream_rejected",
            "Field required",
        ),
        (422, {"detail": "No such thing."}, Then.NEVER, "upstream_rejected", "No such thing."),
        (400, {"errors": [{"message": "Bad thing."}]}, Then.NEVER, "upstream_rejected", "Bad thing."),
        (403, {"message": "Your subscription has ended."}, Then.PAUSE, "upstream_auth", "subscription"),
        (
            400,
            {"__type": "ThrottlingException", "message": "Too many tokens, please wait."},
            Then.PACE,
            "rate_limit_exceeded",
            "Too many",
        ),
        (
            413,
            b"<html><head><title>413 Request Entity Too Large</title></head></html>",
            Then.NEVER,
            "request_too_large",
            "fit",
        ),
        (
            400,
            {"error": {"message": "This model's maximum context length is 8192 tokens.", "code": None}},
            Then.NEVER,
            "request_too_large",
            "max_output_tokens",
        ),
        (502, b"<html><title>502 Bad Gateway</title></html>", Then.DOWN, "upstream_error", "502 Bad Gateway"),
        (520, b"<!doctype html><h1>Web server is down</h1>", Then.DOWN, "upstream_error", "Web server is down"),
    ],
)
def test_an_error_is_found_where_it_stands(status: int, body: Any, then: Then, code: str, words: str) -> None:
    found = classify(status, body, {})
    assert (found.then, found.code) == (then, code)
    assert words in found.message


AZURE = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": False, "severity": "safe"},
                "violence": {"filtered": True, "severity": "high"},
            },
        },
    }
}


def test_the_categories_of_a_content_filter_are_named() -> None:
    found = classify(400, AZURE, {})
    assert (found.then, found.code) == (Then.NEVER, "content_filtered")
    assert found.message.endswith("Categories: violence (high).")
    raw = {
        "error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": orjson.dumps(AZURE).decode()}}
    }
    assert classify(400, raw, {}).code == "content_filtered"


@pytest.mark.parametrize("text", ["{" * 3_000, "[" * 3_000, '{"error":' * 500, '{"message":"' * 200])
def test_hostile_bodies_end_in_a_failure(text: str) -> None:
    assert classify(400, text.encode(), {}).then is Then.NEVER
    assert classify(400, {"error": {"message": text}}, {}).then is Then.NEVER


@pytest.mark.parametrize(
    ("headers", "body", "message", "seconds"),
    [
        ({"x-ms-retry-after-ms": "1500"}, {}, "", 1.5),
        ({"llm_provider-retry-after": "7"}, {}, "", 7),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, {}, "", 30),
        ({"retry-after": "PT1M30S"}, {}, "", 90),
        ({"retry-after": "1m30s"}, {}, "", 90),
        ({"retry-after": "2027-01-15T08:00:12Z"}, {}, "", 12),
        ({"x-ratelimit-reset": "1800000005000"}, {}, "", 5),
        ({"x-ratelimit-reset": "1800000005"}, {}, "", 5),
        ({"ratelimit": '"default";r=0;t=9'}, {}, "", 9),
        ({}, {"@type": "RetryInfo", "retryDelay": "34.07s"}, "", 34.07),
        ({}, {"retry_after": 12}, "", 12),
        ({}, {"retry_after_ms": 1200}, "", 1.2),
        ({}, {"retry_delay": {"seconds": 3}}, "", 3),
        ({}, {"metadata": {"headers": {"X-RateLimit-Reset": "1800000004000"}}}, "", 4),
        ({}, {}, "Please retry after 26 seconds.", 26),
        ({}, {}, "Please try again in 2 minutes.", 120),
        ({}, {}, "Please retry in 34.074824224s.", 34.074824224),
        ({}, {}, "Rate limited, please wait 500 ms", 0.5),
        ({"retry-after": "soon"}, {}, "Wait a bit.", None),
    ],
)
def test_a_wait_is_read_in_any_form(headers: dict[str, str], body: Any, message: str, seconds: float | None) -> None:
    found = retry_after(headers, message, [body], now=NOW)
    assert found == (None if seconds is None else pytest.approx(seconds))
