"""Reply bodies of the two OpenAI protocols, read into one shape. A refusal is an outcome, not an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from vision.errors import ProviderError, Retry
from vision.prices import Usage

MOST_TOKENS = 2**31 - 1


class Ending(StrEnum):
    """How the model stopped; the values are the item error codes, save `answered`."""

    ANSWERED = "answered"
    REFUSED = "refused"
    CONTENT_FILTERED = "content_filtered"
    OUTPUT_TRUNCATED = "output_truncated"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said (its refusal's words if it refused); usage is None if the provider did not tell."""

    ending: Ending
    text: str
    usage: Usage | None


class Failed(ProviderError):
    """The provider answered 200 and says in the body that the response failed."""

    def __init__(self, error: Mapping[str, Any], charged: bool) -> None:
        super().__init__(str(error.get("message") or "The provider's response failed."))
        self.error = error
        self.charged = charged


_CHAT_ENDINGS = {"length": Ending.OUTPUT_TRUNCATED, "content_filter": Ending.CONTENT_FILTERED}
_RESPONSES_ENDINGS = {
    "max_output_tokens": Ending.OUTPUT_TRUNCATED,
    "content_filter": Ending.CONTENT_FILTERED,
}


def read(api: str, content: bytes) -> Reply:
    """Read a 200 answer; ProviderError `upstream_invalid_response` if it is not of the protocol's shape, or Failed."""
    try:
        body = orjson.loads(content)
        return _chat(body) if api == "chat" else _responses(body)
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ValueError):
        raise ProviderError(
            "The provider answered 200 with a body that is not of its protocol.",
            code="upstream_invalid_response",
            retry=Retry.LATER,
        ) from None


def _chat(body: Mapping[str, Any]) -> Reply:
    choice = body["choices"][0]
    message = choice["message"]
    usage = _usage(body.get("usage"), "prompt_tokens", "completion_tokens")
    if message.get("refusal"):
        return Reply(Ending.REFUSED, str(message["refusal"]), usage)
    ending = _CHAT_ENDINGS.get(choice.get("finish_reason"), Ending.ANSWERED)
    text = message.get("content")
    if ending == Ending.ANSWERED and not isinstance(text, str):
        raise TypeError
    return Reply(ending, text or "", usage)


def _responses(body: Mapping[str, Any]) -> Reply:
    usage = _usage(body.get("usage"), "input_tokens", "output_tokens")
    if body.get("status") == "failed":
        raise Failed(body.get("error") or {}, charged=usage is not None)
    parts = [part for output in body["output"] if output.get("type") == "message" for part in output["content"]]
    for part in parts:
        if part["type"] == "refusal":
            return Reply(Ending.REFUSED, part["refusal"], usage)
    text = "".join(part["text"] for part in parts if part["type"] == "output_text")
    if body.get("status") == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason") or ""
        return Reply(_RESPONSES_ENDINGS.get(reason, Ending.OUTPUT_TRUNCATED), text, usage)
    if not parts:
        raise ValueError
    return Reply(Ending.ANSWERED, text, usage)


def _usage(told: Any, sent: str, written: str) -> Usage | None:
    """Token counts by the protocol's names for them; None if they are missing or no counts, for the answer is good.

    Behind some gateways the tokens of thinking are no part of the answer's, and stand in the total or the details alone
    (mozilla-ai/any-llm 1290, router-for-me/CLIProxyAPI 5733, read 2026-11).
    """
    try:
        details = told.get(f"{sent}_details") or {}
        thought = (told.get(f"{written}_details") or {}).get("reasoning_tokens") or 0
        return Usage(
            input_tokens=_count(told[sent]),
            output_tokens=max(_count(told[written]), _count(thought)),
            image_tokens=_count(details.get("image_tokens") or 0),
            cached_tokens=_count(details.get("cached_tokens") or 0),
            cache_write_tokens=_count(details.get("cache_write_tokens") or 0),
            total_tokens=_count(told.get("total_tokens") or 0),
        )
    except (LookupError, TypeError, AttributeError, ValueError):
        return None


def _count(value: Any) -> int:
    """A number of tokens that can be true, and stored."""
    if not 0 <= int(value) <= MOST_TOKENS:
        raise ValueError
    return int(value)
