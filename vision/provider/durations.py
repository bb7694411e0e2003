"""Reads how long a provider asks us to wait."""

import re
from collections.abc import Mapping


def retry_after(headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds that the provider asks us to wait, by header or message; None if it does not say."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if _SECONDS.match(stated := headers.get(name, "").strip()):
            return min(float(stated) * factor, LONGEST_SECONDS)
    found = re.search(r"try again in ([0-9hms.]{1,40})", message)
    seconds = duration(found.group(1).rstrip(".")) if found else None
    return None if seconds is None else min(seconds, LONGEST_SECONDS)


LONGEST_SECONDS = 86_400.0

_SECONDS = re.compile(r"^\d{1,20}(\.\d{1,20})?$")

_DURATION = re.compile(r"^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d*)?)s)?(?:(\d+(?:\.\d*)?)ms)?$")


def duration(text: str) -> float | None:
    """A Go duration such as `6m0s`, `18.642s` or `20ms` in seconds; None if it is not one."""
    found = _DURATION.match(text.strip())
    if not found or not any(found.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(group or 0) for group in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
