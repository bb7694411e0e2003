"""Every error that providers are known to send, and its consequence; bodies as OpenAI sends them."""

import time
from typing import Any

import pytest

from vision.jobs.lifecycle import StatusCode
from vision.provider.failures import Failure, Then, Trouble, classify, classify_failed
from vision.provider.failures.table import _rows
from vision.provider.failures.waits import duration, retry_after

RATE = (
    "Rate limit reached for gpt-4o in organization org-abcdef123456 on tokens per min (TPM): Limit 30000, Used 29937, "
    "Requested 385. Please try again in 644ms. Visit https://platform.openai.com/account/rate-limits to learn more."
)
TOO_LARGE = (
    "Request too large for gpt-4o in organization org-abcdef123456 on tokens per min (TPM): Limit 30000, Requested "
    "31538. The input or output tokens must be reduced in order to run successfully."
)
PATCHES = (
    "The image you provided requires 41334 patches after processing, exceeding the limit of 30000. Please resize the "
    "image and try again."
)
UNSUPPORTED = (
    "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png']."
)


def error(message: str = "No.", code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"message": message, "type": kind, "param": None, "code": code}


@pytest.mark.parametrize(
    ("status", "body", "then", "code"),
    [
        (429, error(RATE, "rate_limit_exceeded", "tokens"), Then.PACE, "rate_limit_exceeded"),
        (429, error(RATE, "rate_limit_exceeded", "requests"), Then.PACE, "rate_limit_exceeded"),
        (429, error(TOO_LARGE, "rate_limit_exceeded", "tokens"), Then.NEVER, "request_too_large"),
        (
            429,
            error("You exceeded your current quota.", "insufficient_quota", "insufficient_quota"),
            Then.PAUSE,
            "upstream_quota",
        ),
        (
            429,
            error("You have no credits.", "credit_balance_exhausted", "insufficient_quota"),
            Then.PAUSE,
            "upstream_quota",
        ),
        (429, error(code="credit_balance_exhausted"), Then.PAUSE, "upstream_quota"),
        (429, error(code="organization_spend_limit_exceeded"), Then.PAUSE, "upstream_quota"),
        (429, error(code="project_spend_limit_exceeded"), Then.PAUSE, "upstream_quota"),
        (429, error(code="organization_usage_limit_exceeded"), Then.PAUSE, "upstream_quota"),
        (429, error("Resource Unavailable"), Then.PACE, "rate_limit_exceeded"),
        (503, error("Slow Down"), Then.PACE, "upstream_error"),
        (503, error("Overloaded"), Then.DOWN, "upstream_error"),
        (500, error("The server had an error", "server_error", "server_error"), Then.LATER, "upstream_error"),
        (502, None, Then.DOWN, "upstream_error"),
        (504, "<html>Gateway Time-out</html>", Then.DOWN, "upstream_error"),
        (520, "<html>Web server is returning an unknown error</html>", Then.DOWN, "upstream_error"),
        (529, {}, Then.DOWN, "upstream_error"),
        (408, {}, Then.LATER, "upstream_error"),
        (409, {}, Then.LATER, "upstream_error"),
        (401, error("Incorrect API key", "invalid_api_key"), Then.PAUSE, "upstream_auth"),
        (
            403,
            error("Country, region, or territory not supported", "unsupported_country_region_territory"),
            Then.PAUSE,
            "upstream_auth",
        ),
        (404, error("The model does not exist", "model_not_found"), Then.PAUSE, "model_not_found"),
        (400, {**error("Flex is not available."), "param": "service_tier"}, Then.NEVER, "upstream_rejected"),
        (400, error(code="invalid_prompt"), Then.NEVER, "upstream_rejected"),
        (413, "<html>Too large</html>", Then.NEVER, "request_too_large"),
        (302, None, Then.LATER, "upstream_error"),
        (400, error(PATCHES, "invalid_value"), Then.NEVER, "image_too_many_patches"),
        (400, error(UNSUPPORTED, "invalid_image_format"), Then.NEVER, "image_unsupported"),
        (400, error("is below 20 MB in size", "image_parse_error"), Then.NEVER, "image_corrupt"),
        (
            400,
            error("Timeout while downloading https://a.example/b.jpg.", "invalid_image_url"),
            Then.LATER,
            "image_unreachable",
        ),
        (
            400,
            error("Error while downloading file. Upstream status code: 400.", "invalid_image_url"),
            Then.NEVER,
            "image_unreachable",
        ),
        (400, error("Invalid image URL: 'messages[7]'.", "invalid_image_url"), Then.NEVER, "image_unreachable"),
        (400, error(code="failed_to_download_image"), Then.LATER, "image_unreachable"),
        (400, error(code="image_file_not_found"), Then.NEVER, "image_unreachable"),
        (400, error(code="invalid_image"), Then.NEVER, "image_corrupt"),
        (400, error(code="invalid_base64_image"), Then.NEVER, "image_corrupt"),
        (400, error(code="empty_image_file"), Then.NEVER, "image_corrupt"),
        (400, error(code="image_too_large"), Then.NEVER, "image_too_large"),
        (400, error(code="image_file_too_large"), Then.NEVER, "image_too_large"),
        (400, error(code="image_too_small"), Then.NEVER, "image_unsupported"),
        (400, error(code="invalid_image_mode"), Then.NEVER, "image_unsupported"),
        (400, error(code="unsupported_image_media_type"), Then.NEVER, "image_unsupported"),
        (400, error(code="image_content_policy_violation"), Then.NEVER, "content_filtered"),
    ],
)
def test_what_follows_from_an_error(status: int, body: Any, then: Then, code: str) -> None:
    for sent in (body, {"error": body}):
        failure = classify(status, sent, {"x-request-id": "req_1"})
        assert (failure.then, failure.code, failure.status, failure.request_id) == (then, code, status, "req_1")
        assert failure.message
        assert not failure.unknown_cost


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("Your request was rejected by the safety system.", "moderation_blocked")),
        (
            400,
            error(
                "Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "invalid_prompt"
            ),
        ),
        (400, error("The response was filtered due to our content management policy.", "content_filter")),
        (400, error("Output blocked by content filtering policy")),
        (
            400,
            error("Input data may contain inappropriate content.", "data_inspection_failed", "data_inspection_failed"),
        ),
        (400, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."}),
        (400, error("Content Exists Risk", "invalid_request_error")),
        (400, error("The request was rejected because it was considered high risk", kind="content_filter")),
        (400, error("The input image may contain sensitive information.", "InputImageSensitiveContentDetected")),
        (403, error('openai/gpt-4o requires moderation on A. Your input was flagged for "sexual".', 403)),  # type: ignore[arg-type]
        (401, error("ResponsibleAIPolicyViolation")),
        (422, error(code="content_policy_violation")),
        (
            403,
            {
                "code": "The caller does not have permission to execute the specified operation",
                "error": "Content violates usage guidelines. API key ID: b, Failed check: SAFETY_CHECK_TYPE_BIO",
            },
        ),
        (403, {"code": "permission-denied", "error": "Content violates usage guidelines. "}),
    ],
)
def test_a_safety_check_ends_one_item(status: int, body: Any) -> None:
    failure = classify(status, body, {})
    assert (failure.then, failure.code) == (Then.NEVER, "content_filtered")
    assert failure.message != f"The provider answered {status}."


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, error("Incorrect API key provided: sk-x.", "invalid_api_key"), "upstream_auth"),
        (401, error("invalid x-api-key", kind="authentication_error"), "upstream_auth"),
        (401, error("No auth credentials found"), "upstream_auth"),
        (401, error("Your account was flagged for abuse.", "account_deactivated"), "upstream_auth"),
        (
            400,
            [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}],
            "upstream_auth",
        ),
        (403, {"code": "permission-denied", "error": "Access to the chat endpoint is denied"}, "upstream_auth"),
        (403, error("Your organization must be verified."), "upstream_auth"),
        (403, error("Project `proj_x` does not have access to model `m`", "model_not_found"), "model_not_found"),
        (404, error("The model `m` does not exist"), "model_not_found"),
        (400, error("m is not a valid model ID"), "model_not_found"),
        (402, {}, "upstream_quota"),
        (402, error("Insufficient credits"), "upstream_quota"),
        (400, error("Your credit balance is too low to access the API."), "upstream_quota"),
        (400, error(code="billing_hard_limit_reached"), "upstream_quota"),
        (429, error(code="billing_not_active", kind="billing_not_active"), "upstream_quota"),
    ],
)
def test_what_is_said_of_the_key_the_account_or_the_model_stops_the_lane(status: int, body: Any, code: str) -> None:
    failure = classify(status, body, {})
    assert (failure.then, failure.code) == (Then.PAUSE, code)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, None, "upstream_auth"),
        (401, error("Unauthorized"), "upstream_auth"),
        (403, "<html>Forbidden</html>", "upstream_auth"),
        (403, error("Forbidden"), "upstream_auth"),
        (403, error("You may not read https://cdn.example/project/a.jpg."), "upstream_auth"),
        (404, "<html>Not Found</html>", "model_not_found"),
    ],
)
def test_a_refusal_that_does_not_say_what_it_is_about_is_unclear(status: int, body: Any, code: str) -> None:
    failure = classify(status, body, {})
    assert (failure.then, failure.code, failure.trouble) == (Then.UNCLEAR, code, None)


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported content-type 'text/plain'.",
        "Missing required parameter: 'messages[0].content'.",
        "Unknown parameter: 'safety_identifier'.",
        "Model names are case-sensitive.",
        "Invalid content type. image_url is only supported by certain models.",
    ],
)
def test_words_that_only_sound_like_a_safety_check_are_none(message: str) -> None:
    assert classify(400, error(message), {}).code == "upstream_rejected"


@pytest.mark.parametrize(
    ("failure", "trouble"),
    [
        (Failure(Then.DOWN, "upstream_unreachable", "", unsent=True), Trouble.UNREACHED),
        (classify(503, None, {}), Trouble.GATEWAY),
        (classify(500, None, {}), Trouble.FAILED),
        (classify(408, None, {}), Trouble.FAILED),
        (Failure(Then.LATER, "upstream_timeout", "", unknown_cost=True), Trouble.FAILED),
        (classify(429, None, {}), None),
        (classify(400, None, {}), None),
        (classify(400, error(code="failed_to_download_image"), {}), None),
    ],
)
def test_what_a_failure_says_of_its_lane(failure: Failure, trouble: Trouble | None) -> None:
    assert failure.trouble is trouble


@pytest.mark.parametrize("body", [None, "", [], 7, {"error": ""}, {"error": None}, {"error": {"message": None}}])
def test_junk_is_judged_by_its_status(body: Any) -> None:
    assert classify(502, body, {}).message == "The provider answered 502."
    assert classify(400, body, {}).then is Then.NEVER


@pytest.mark.parametrize(
    ("code", "then", "ours"),
    [
        ("server_error", Then.LATER, "upstream_error"),
        ("rate_limit_exceeded", Then.PACE, "rate_limit_exceeded"),
        ("vector_store_timeout", Then.LATER, "upstream_error"),
        ("invalid_image", Then.NEVER, "image_corrupt"),
        ("bio_policy", Then.NEVER, "upstream_rejected"),
        (None, Then.LATER, "upstream_error"),
    ],
)
def test_a_response_that_failed_is_judged_by_its_code(code: str | None, then: Then, ours: str) -> None:
    failure = classify_failed({"code": code, "message": "No."}, {}, charged=True)
    assert (failure.then, failure.code, failure.status, failure.unknown_cost) == (then, ours, 200, True)


def test_every_pause_in_the_table_has_a_status_code() -> None:
    codes = {row["code"] for row in _rows() if row["then"] in {Then.PAUSE, Then.UNCLEAR}}
    assert codes
    assert codes <= set(StatusCode)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20ms", 0.02),
        ("6m0s", 360),
        ("1h2m3.5s", 3_723.5),
        ("18.642s", 18.642),
        ("1s", 1),
        ("0s", 0),
        ("1h", 3_600),
        ("2m", 120),
        (" 644ms ", 0.644),
        ("", None),
        ("soon", None),
        ("-1s", None),
        ("1.2.3s", None),
        (".s", None),
        ("5", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "1"}, RATE, 0.25),
        ({"retry-after": "7"}, RATE, 7),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, RATE, 0.644),
        ({"retry-after-ms": "x", "retry-after": "2.5"}, "", 2.5),
        ({}, "Please try again in 6m0s.", 360),
        ({}, "Please try again in 1.574s. Visit us.", 1.574),
        ({}, "Please try again in 1.2.3s.", None),
        ({}, "Please try again in a moment.", None),
        ({"retry-after": "-3"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({"retry-after": "99999999999"}, "", 86_400),
        ({}, "try again in 9999h0m0s", 86_400),
    ],
)
def test_how_long_the_provider_asks_to_wait(headers: dict[str, str], message: str, seconds: float | None) -> None:
    assert retry_after(headers, message) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abcdef123.", "Incorrect API key provided: sk-…."),
        ("sk-ab******************yz is wrong", "sk-… is wrong"),
        ("in organization org-abcdef123456 on", "in organization org-… on"),
        ("at https://a.example/b.jpg?X-Signature=abc&e=1 now", "at https://a.example/b.jpg?… now"),
        ("at https://user:word@a.example/b.jpg", "at https://…@a.example/b.jpg"),
        ("got data:image/png;base64," + "A" * 100 + " there", "got data:… there"),
        ("x" * 600, "x" * 500),
        ("at https://user:word@a.example/b?key=c:https://d@e now", "at https://…@a.example/b?… now"),
        ("data:" + "A" * 3_970 + " https://user:a-long-password@a.example/", "data:…"),
    ],
)
def test_secrets_are_cut_from_messages(message: str, shown: str) -> None:
    assert classify(400, error(message), {}).message == shown


ADVERSARIAL = [
    "http://",
    "https://a@",
    "http://a?",
    "sk-",
    "org-abcde ",
    "data:",
    "try again in ",
    "1",
    "try again in 1.1m",
]


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_a_message_takes_no_longer_the_longer_it_is(piece: str) -> None:
    """Five megabytes; with twice as much a quadratic expression would take four times as long, and that for hours."""
    half, whole = (piece * (size // len(piece)) for size in (2_500_000, 5_000_000))
    assert _seconds(whole) < 10 * _seconds(half) + 1.0


def _seconds(message: str) -> float:
    started = time.perf_counter()
    assert len(classify(429, error(message), {}).message) <= 500
    return time.perf_counter() - started
