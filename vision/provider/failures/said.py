"""Finds what a body says of its failure, wherever a provider, a relay or a gateway puts it.

Shapes read (each seen in public reports, 2026-11): an object, a text or a list in the place of `error`; lists of bodies
(Google); `detail` with a text or a list of {loc, msg, type} (FastAPI); `errors`; `innererror` (Azure); `details`
(Google); an error in a choice, or JSON in a text inside `metadata.raw` (OpenRouter) or `message` (relays of relays);
`base_resp` (MiniMax); {code, message} without `error`; HTML pages of gateways.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

import orjson

from vision.kinds.reading.content_filter import categories

LONGEST_READ = 4_000
"""Characters of a text that are read."""
MOST_OBJECTS = 40
DEEPEST = 8

_INNER = (
    "error", "errors", "detail", "details", "innererror", "inner_error", "metadata", "raw", "base_resp", "message",
    "response", "body", "cause", "causes", "choices", "exception",
)  # fmt: skip
_MESSAGES = ("message", "msg", "error_msg", "error_message", "status_msg", "detail", "error", "Message", "title", "raw")
_CODES = ("code", "type", "status", "reason", "error_code", "error_type", "status_code", "__type", "finish_reason")
_PLACES = ("param", "loc", "path", "field")


@dataclass(frozen=True, slots=True)
class Said:
    """`message`: the outermost text and, if it says more, the innermost. `codes`: every code, type and reason.

    `places`: the fields of the request that are named. `status`: an HTTP status given as a code. `objects`: all that
    was found, outermost first. `filtered`: categories that a content filter names.
    """

    message: str = ""
    codes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    status: int | None = None
    objects: tuple[Mapping[str, Any], ...] = ()
    filtered: tuple[str, ...] = ()


def read(content: bytes | object) -> Said:
    """Read a body: bytes, or JSON values. Never raises."""
    body = parse(content) if isinstance(content, bytes) else content
    if isinstance(body, str):
        return Said(message=_page(body) if "<" in body[:200] else "")
    objects = tuple(_objects(body, MOST_OBJECTS))
    codes = [str(value) for found in objects for name in _CODES if _is_word(value := found.get(name))]
    places = [place for found in objects for name in _PLACES if (place := _place(found.get(name)))]
    return Said(
        message=_message(objects),
        codes=tuple(dict.fromkeys(codes)),
        places=tuple(dict.fromkeys(places)),
        status=next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), None),
        objects=objects,
        filtered=categories(objects[0]) if objects else (),
    )


def parse(content: bytes) -> object:
    """JSON, or the text."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content[: 4 * LONGEST_READ].decode(errors="replace")


def _objects(value: object, left: int, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The error objects of a body, outermost first; JSON in texts is read, too."""
    if depth > DEEPEST or left <= 0:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and len(value) <= 16 * LONGEST_READ:
        value = _inner_json(value)
    if isinstance(value, list):
        for each in value[:left]:
            yield from _objects(each, left // 2, depth + 1)
    elif isinstance(value, Mapping):
        yield value
        for name in _INNER:
            if name in value:
                yield from _objects(value[name], left - 1, depth + 1)


def _inner_json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _is_word(value: object) -> bool:
    return (isinstance(value, str) and 0 < len(value) <= 100) or (type(value) is int and value != 0)


def _place(value: object) -> str:
    if isinstance(value, list):
        return ".".join(str(part) for part in value[:8])[:200]
    return value[:200] if isinstance(value, str) else ""


def _message(objects: tuple[Mapping[str, Any], ...]) -> str:
    texts = [text for found in objects if (text := _text(found))]
    if not texts:
        return ""
    first, last = texts[0], texts[-1]
    return first if last in first else f"{first.rstrip('.:')}: {last}"


def _text(found: Mapping[str, Any]) -> str:
    """An object's own text: not JSON, which is read as an object of its own."""
    for name in _MESSAGES:
        value = found.get(name)
        if isinstance(value, str) and value.strip() and _inner_json(value) is None:
            return beginning(value.strip())
    return ""


def beginning(message: str) -> str:
    """The part of a message that is read: whole words, because half a secret would not be recognised."""
    return message if len(message) <= LONGEST_READ else message[:LONGEST_READ].rpartition(" ")[0] or message[:500]


def _page(html: str) -> str:
    """The title of a gateway's page."""
    found = re.search(r"<(title|h1)[^>]{0,200}>([^<]{1,300})", html, re.IGNORECASE)
    return " ".join(unescape(found[2]).split()) if found else ""
