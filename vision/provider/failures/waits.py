"""Reads how long a provider asks us to wait: from headers, from members of the body, or from its words.

Sources, read 2026-11: RFC 9110 (Retry-After: seconds or a date), the IETF draft on RateLimit headers, OpenAI
(retry-after-ms; Go durations in words), Azure (x-ms-retry-after-ms, "retry after 26 seconds"), OpenRouter
(X-RateLimit-Reset in milliseconds since 1970, also inside the body), Google (RetryInfo's retryDelay), LiteLLM
(llm_provider- before the names of the headers that it passes on).
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_SECONDS = 86_400.0

_HEADERS = (
    ("retry-after-ms", 0.001),
    ("x-ms-retry-after-ms", 0.001),
    ("retry-after", 1.0),
    ("x-retry-after", 1.0),
    ("llm_provider-retry-after-ms", 0.001),
    ("llm_provider-retry-after", 1.0),
    ("x-ratelimit-reset", 1.0),
    ("ratelimit-reset", 1.0),
    ("x-rate-limit-reset", 1.0),
)
_MEMBERS = {
    "retrydelay": 1.0, "retry_delay": 1.0, "retryafter": 1.0, "retry_after": 1.0, "retry-after": 1.0,
    "retry_after_seconds": 1.0, "retryafterseconds": 1.0, "retry_after_ms": 0.001, "retryafterms": 0.001,
    "retry-after-ms": 0.001, "x-ratelimit-reset": 1.0,
}  # fmt: skip
_NUMBER = re.compile(r"^\d{1,20}(\.\d{1,20})?$")
_GO = re.compile(r"^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d*)?)s)?(?:(\d+(?:\.\d*)?)ms)?$")
_ISO = re.compile(r"^PT(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?$", re.IGNORECASE)
_WORDS = re.compile(
    r"(?:again|retry|retrying|wait|available|resets?)\s+(?:in|after|for|at least)?\s{0,3}"
    r"(?:(?P<go>[0-9][0-9hms.]{0,40})(?![0-9a-z])\s{0,2}(?P<unit>milliseconds?|ms|seconds?|secs?|minutes?|mins?|hours?)?)",
    re.IGNORECASE,
)
_UNITS = {"mi": 60.0, "ms": 0.001, "mil": 0.001, "s": 1.0, "h": 3600.0}
_EPOCH = 1_000_000_000.0
"""Numbers from here on are a time since 1970; from a hundred times that on, in milliseconds."""


def retry_after(
    headers: Mapping[str, str],
    message: str = "",
    objects: Iterable[Mapping[str, Any]] = (),
    *,
    now: float | None = None,
) -> float | None:
    """Seconds that the provider asks us to wait, at most a day; None if it does not say.

    `objects`: the error objects of the body. `now`: seconds since 1970.
    """
    at = time.time() if now is None else now
    for seconds in _stated(headers, objects, at):
        if seconds is not None:
            return min(max(seconds, 0.0), LONGEST_SECONDS)
    seconds = _in_words(message)
    return None if seconds is None else min(seconds, LONGEST_SECONDS)


def _stated(headers: Mapping[str, str], objects: Iterable[Mapping[str, Any]], now: float) -> Iterator[float | None]:
    for name, factor in _HEADERS:
        if name in headers:
            yield _seconds(headers[name], factor, now)
    if "ratelimit" in headers and (found := re.search(r"\bt=(\d{1,9})\b", headers["ratelimit"])):
        yield float(found[1])
    for each in objects:
        yield from _members(each, now)


def _members(values: Mapping[str, Any], now: float, depth: int = 0) -> Iterator[float | None]:
    for name, value in values.items():
        if factor := _MEMBERS.get(str(name).lower()):
            yield _seconds(value, factor, now)
        elif isinstance(value, Mapping) and str(name).lower() in {"headers", "metadata"} and depth < 2:
            yield from _members(value, now, depth + 1)


def _seconds(value: object, factor: float, now: float) -> float | None:
    """A number, a date, or a duration as Go, ISO 8601 or protobuf write it."""
    if isinstance(value, Mapping):
        return _seconds(value.get("seconds"), 1.0, now)
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if _NUMBER.match(text):
        number = float(text)
        return number * factor if number < _EPOCH else _until(number / 1000 if number >= 100 * _EPOCH else number, now)
    if (seconds := duration(text)) is not None:
        return seconds
    if (found := _ISO.match(text)) and any(found.groups()):
        hours, minutes, rest = (float(group or 0) for group in found.groups())
        return hours * 3600 + minutes * 60 + rest
    return _until(_date(text), now)


def _until(at: float | None, now: float) -> float | None:
    """Seconds until a time; None for one in the past, which says more of the clocks than of the wait."""
    return None if at is None or at < now else at - now


def _date(text: str) -> float | None:
    if len(text) > 60 or not text[:1].isalnum():
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(text)
        except (ValueError, TypeError, IndexError):
            continue
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return None


def _in_words(message: str) -> float | None:
    for found in _WORDS.finditer(message[:4_000]):
        stated, unit = found["go"].rstrip("."), (found["unit"] or "").lower()
        if not unit:
            if (seconds := duration(stated)) is not None:
                return seconds
        elif _NUMBER.match(stated):
            return float(stated) * next(_UNITS[key] for key in ("mil", "ms", "mi", "s", "h") if unit.startswith(key))
    return None


def duration(text: str) -> float | None:
    """A Go duration such as `6m0s`, `18.642s` or `20ms` in seconds; None if it is not one."""
    found = _GO.match(text.strip())
    if not found or not any(found.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(group or 0) for group in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
