"""The categories that a content filter names, as Azure and Google write them.

Azure: {category: {"filtered": true, "severity": "high"}} in `content_filter_result(s)`. Google: a list of
{category, probability, blocked}. Read 2026-11 in the references of both.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST = 8
DEEPEST = 6


def categories(value: object) -> tuple[str, ...]:
    """Categories with their severity, such as `violence (high)`; none if the body names none."""
    return tuple(dict.fromkeys(_found(value)))[:MOST]


def _found(value: object, depth: int = 0) -> Iterator[str]:
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, Mapping) and inner.get("filtered") is True:
                yield _category(str(name), inner.get("severity"))
            else:
                yield from _found(inner, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value[:50]:
            yield from _rated(inner) if _is_rating(inner) else _found(inner, depth + 1)


def _is_rating(value: object) -> bool:
    return isinstance(value, Mapping) and "category" in value and "blocked" in value


def _rated(rating: Mapping[str, Any]) -> Iterator[str]:
    if rating["blocked"] is True:
        yield _category(str(rating["category"]), rating.get("probability"))


def _category(name: str, severity: object) -> str:
    plain = name[:60].removeprefix("HARM_CATEGORY_").lower().replace("_", " ")
    return f"{plain} ({str(severity)[:20].lower()})" if severity else plain
