"""What the fake model says: with a schema a small answer that satisfies it, echoing the image's size and name."""

import math
import re
from typing import Any
from zlib import crc32

import orjson

from tests.fakes.calls import Call

DEEPEST = 12
FORMATS = {
    "date": "2026-11-01",
    "date-time": "2026-11-01T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1M",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
}


def describe(call: Call) -> str:
    """`512x512 a.jpg, 64x64 b.png`: how tests tell items apart."""
    parts = [f"{one.width}x{one.height} {one.source.rpartition('/')[2][-80:]}" for one in call.pictures]
    return ", ".join(parts) or "no image"


def say(call: Call) -> str:
    """The whole answer: JSON with a schema, a sentence without."""
    echo = describe(call)
    schema = call.schema or call.asked_schema
    if schema is None:
        return f"This is a fake answer about {echo}."
    return orjson.dumps(Writer(schema, echo).value(schema, "answer", 0)).decode()


def break_schema(text: str) -> str:
    """Well-formed JSON that no strict schema accepts."""
    return orjson.dumps({"this_is_not_in_the_schema": text[:40]}).decode()


class Writer:
    """Deterministic: one image and schema, one answer."""

    def __init__(self, root: dict[str, Any], echo: str) -> None:
        self._root = root
        self._echo = echo
        self._dice = crc32(echo.encode())

    def value(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        """A value that satisfies `schema`; objects in schema order."""
        if "$ref" in schema:
            return self.value(self._find(schema["$ref"]), name, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][self._roll(name) % len(schema["enum"])]
        if "anyOf" in schema:
            return self.value(_simplest(schema["anyOf"], depth), name, depth + 1)
        return self._typed(schema, name, depth)

    def _typed(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        kinds = schema.get("type", "object")
        kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
        if kind == "object":
            fields = schema.get("properties", {})
            return {key: self.value(part, key, depth + 1) for key, part in fields.items()}
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "string":
            return self._string(schema, name)
        if kind in ("number", "integer"):
            return self._number(schema, name, whole=kind == "integer")
        return self._roll(name) % 2 == 0 if kind == "boolean" else None

    def _find(self, reference: str) -> dict[str, Any]:
        found: Any = self._root
        for step in reference.split("/")[1:]:
            found = found[step]
        return dict(found)

    def _roll(self, name: str) -> int:
        return crc32(name.encode(), self._dice)

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        few = 0 if depth > DEEPEST else 1
        length = max(schema.get("minItems", 0), min(few, schema.get("maxItems", 1)))
        return [self.value(schema["items"], f"{name}{number or ''}", depth + 1) for number in range(length)]

    def _string(self, schema: dict[str, Any], name: str) -> str:
        text = FORMATS.get(schema.get("format", "")) or f"{name} of {self._echo}"
        if "pattern" in schema and not re.search(schema["pattern"], text):
            text = _matching(schema["pattern"])
        shortest = int(schema.get("minLength", 0))
        return text.ljust(shortest, ".")[: schema.get("maxLength", 400)]

    def _number(self, schema: dict[str, Any], name: str, *, whole: bool) -> float | int:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 100 if whole else low + 1))
        step = schema.get("multipleOf", 1 if whole else 0.01)
        first = math.ceil(low / step) + ("exclusiveMinimum" in schema)
        last = math.floor(high / step) - ("exclusiveMaximum" in schema)
        chosen = (first + self._roll(name) % max(1, last - first + 1)) * step
        return int(chosen) if whole else round(chosen, 6)


def _simplest(options: list[dict[str, Any]], depth: int) -> dict[str, Any]:
    nulls = [one for one in options if one.get("type") == "null"]
    others = [one for one in options if one.get("type") != "null"]
    return (nulls if depth > DEEPEST and nulls else others or nulls)[0]


def _matching(pattern: str) -> str:
    """A text for the few patterns that presets use; a schema with another one needs a line here."""
    samples = ("en", "en-US", "#336699", "0", "12.50", "sku-1", "A", "a", "USD", "2026-11-01", "12:00")
    return next((text for text in samples if re.search(pattern, text)), "")
