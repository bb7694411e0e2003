"""Writing answers: a finished call → the body of either OpenAI wire format, and the 429 texts."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.buckets import Refusal, go_duration
from tests.fakes.calls import Call, Rejected

ORGANIZATION = "org-fake"
SORRY = "I'm sorry, I can't help with that image."
SEE = "Visit https://platform.openai.com/account/rate-limits to learn more."


@dataclass(slots=True)
class Usage:
    """Tokens that one call is billed."""

    input: int = 0
    output: int = 0
    image: int = 0
    cached: int = 0


@dataclass(slots=True)
class Answer:
    """`finish` is stop, length, content_filter or refusal."""

    text: str
    finish: str = "stop"
    usage: Usage | None = field(default_factory=Usage)
    # Laid over the usage object: odd numbers, strange members.
    usage_overrides: dict[str, Any] = field(default_factory=dict)


def chat(call: Call, answer: Answer, request_id: str, now: int) -> dict[str, Any]:
    """A chat.completion object."""
    refused, filtered = answer.finish == "refusal", answer.finish == "content_filter"
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if refused or filtered else answer.text,
        "refusal": SORRY if refused else None,
        "annotations": [],
    }
    finish = "stop" if refused else answer.finish
    body = {
        "id": f"chatcmpl-{request_id[4:]}",
        "object": "chat.completion",
        "created": now,
        "model": call.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }
    return body | _with_usage(_chat_usage, answer)


def messages(call: Call, answer: Answer, request_id: str, now: int) -> dict[str, Any]:
    """A message object of Anthropic's."""
    stops = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal", "content_filter": "refusal"}
    block: dict[str, Any] = {"type": "text", "text": answer.text}
    if call.by_tool:
        block = {
            "type": "tool_use",
            "id": f"toolu_{request_id[4:]}",
            "name": "answer",
            "input": json.loads(answer.text),
        }
    body = {
        "id": f"msg_{request_id[4:]}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [block],
        "stop_reason": "tool_use" if call.by_tool else stops[answer.finish],
        "stop_sequence": None,
    }
    return body | _with_usage(_messages_usage, answer)


def _messages_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_read_input_tokens": usage.cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": usage.output,
    }


def responses(call: Call, answer: Answer, request_id: str, now: int) -> dict[str, Any]:
    """A response object."""
    part: dict[str, Any] = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    if answer.finish == "refusal":
        part = {"type": "refusal", "refusal": SORRY}
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(answer.finish)
    status = "incomplete" if reason else "completed"
    message = {
        "type": "message",
        "id": f"msg_{request_id[4:]}",
        "status": status,
        "role": "assistant",
        "content": [part],
    }
    body = {
        "id": f"resp_{request_id[4:]}",
        "object": "response",
        "created_at": now,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
        "model": call.model,
        "output": [] if answer.finish == "content_filter" else [message],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    }
    return body | _with_usage(_responses_usage, answer)


def _with_usage(shape: Any, answer: Answer) -> dict[str, Any]:
    if answer.usage is None:
        return {}
    return {"usage": shape(answer.usage) | answer.usage_overrides}


def _chat_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "audio_tokens": 0,
            "image_tokens": usage.image,
            "text_tokens": usage.input - usage.image,
        },
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _responses_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input + usage.output,
    }


def refused(model: str, refusal: Refusal) -> Rejected:
    """The provider's 429 (facts §3.6): with the predicted wait, or `Request too large`."""
    short = {"tokens": "TPM", "requests": "RPM"}[refusal.kind]
    head = f"{model} in organization {ORGANIZATION} on {refusal.kind} per min ({short}): Limit {refusal.limit}"
    if refusal.wait is None:
        text = (
            f"Request too large for {head}, Requested {refusal.requested}. The input or output tokens must be "
            f"reduced in order to run successfully. {SEE}"
        )
    else:
        text = (
            f"Rate limit reached for {head}, Used {refusal.used}, Requested {refusal.requested}. "
            f"Please try again in {go_duration(refusal.wait)}. {SEE}"
        )
    return Rejected(429, text, "rate_limit_exceeded", kind=refusal.kind)


def no_quota() -> Rejected:
    """429 that no waiting helps."""
    text = (
        "You exceeded your current quota, please check your plan and billing details. For more information on "
        "this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
    )
    return Rejected(429, text, "insufficient_quota", kind="insufficient_quota")


def wait_headers(milliseconds: int) -> dict[str, str]:
    """Retry-After in whole seconds (at least 1) and the exact retry-after-ms."""
    return {"retry-after": str(max(1, -(-milliseconds // 1000))), "retry-after-ms": str(milliseconds)}
