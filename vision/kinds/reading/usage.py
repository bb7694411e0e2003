"""Token counts as OpenAI's protocols state them."""

from typing import Any

from vision.prices import Usage

MOST_TOKENS = 2**31 - 1


def usage(reported: Any, sent: str, written: str) -> Usage | None:
    """Token counts by the protocol's names for them; None if they are missing or invalid; the answer still counts.

    Behind some gateways the tokens of thinking are not in the output tokens, but only in the total or the details
    (mozilla-ai/any-llm 1290, router-for-me/CLIProxyAPI 5733, read 2026-11).
    """
    try:
        details = reported.get(f"{sent}_details") or {}
        thought = (reported.get(f"{written}_details") or {}).get("reasoning_tokens") or 0
        return Usage(
            input_tokens=_count(reported[sent]),
            output_tokens=max(_count(reported[written]), _count(thought)),
            image_tokens=_count(details.get("image_tokens") or 0),
            cached_tokens=_count(details.get("cached_tokens") or 0),
            cache_write_tokens=_count(details.get("cache_write_tokens") or 0),
            total_tokens=_count(reported.get("total_tokens") or 0),
        )
    except (LookupError, TypeError, AttributeError, ValueError):
        return None


NAMES = (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens"))
"""Of chat completions and of responses; some relays answer the one with the other's."""


def any_usage(reported: Any) -> Usage | None:
    """Token counts by either protocol's names; None if they are missing or invalid."""
    return next((found for names in NAMES if (found := usage(reported, *names))), None)


def added_up(reported: Any, sent: str, written: str, *, read: str, cache: str) -> Usage | None:
    """As `usage`, where cached tokens are stated beside the input; `read` from and written to the cache."""
    try:
        cached, stored = _count(reported.get(read) or 0), _count(reported.get(cache) or 0)
        return Usage(
            input_tokens=_count(reported[sent]) + cached + stored,
            output_tokens=_count(reported[written]),
            image_tokens=0,
            cached_tokens=cached,
            cache_write_tokens=stored,
        )
    except (LookupError, TypeError, AttributeError, ValueError):
        return None


def _count(value: Any) -> int:
    """A number of tokens; ValueError if it is out of range."""
    if not 0 <= int(value) <= MOST_TOKENS:
        raise ValueError
    return int(value)
