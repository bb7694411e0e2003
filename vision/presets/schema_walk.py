"""Visits every schema within a schema, and collects violations of the rules in strict.toml."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from vision.errors import Detail

MAX_DETAILS = 100

Path = tuple[str, ...]


class SchemaWalk:
    """Visits every schema within a schema once and collects violations."""

    def __init__(self) -> None:
        self.details: list[Detail] = []
        self.visited: set[Path] = set()
        self.references: dict[Path, Path] = {}
        self.properties = self.enum_values = self.characters = 0

    def walk(self, root: Any) -> list[Detail]:
        if root.get("type") != "object" or "anyOf" in root:
            self._note((), "root_not_object", 'the root must have "type": "object" and no anyOf; wrap it in a property')
        waiting: list[tuple[Any, Path, int]] = [(root, (), 0)]
        while waiting and len(self.details) < MAX_DETAILS:
            waiting.extend(self._visit(*waiting.pop()))
        self._check_references()
        self._check_totals()
        return self.details

    def _visit(self, schema: Any, path: Path, level: int) -> Iterator[tuple[Any, Path, int]]:
        """Check one schema; yields the schemas inside it, the last one first."""
        self.visited.add(path)
        if not isinstance(schema, dict):
            self._note(path, "missing_type", f"{str(schema).lower()} is no schema here; give the value a type")
            return
        for keyword in schema.keys() & _rules()["refused"].keys():
            self._note(path, "refused_keyword", f"{keyword} is not accepted; {_rules()['refused'][keyword]}")
        self._check_kind(schema, path)
        if _is_object(schema):
            level += 1
            self._check_object(schema, path, level)
        yield from reversed([(inner, path + step, level) for step, inner in _children(schema)])

    def _check_kind(self, schema: dict[str, Any], path: Path) -> None:
        if "$ref" in schema:
            self._check_reference(schema, path)
        elif "type" not in schema and "anyOf" not in schema:
            self._note(path, "missing_type", "it has no type; add one, such as string, number, object or array")
        if "array" in _types(schema) and "items" not in schema:
            self._note(path, "missing_items", 'an array needs items, such as {"type": "string"}')
        if "enum" in schema or "const" in schema:
            self._check_values(schema, path)
        if "pattern" in schema and not _compiles(schema["pattern"]):
            self._note(path, "malformed_keyword", "pattern is not a valid regular expression")

    def _check_object(self, schema: dict[str, Any], path: Path, level: int) -> None:
        properties = schema.get("properties", {})
        self.properties += len(properties)
        if level == _rules()["limits"]["levels"] + 1:
            self._note(path, "too_deep", f"objects may be nested {level - 1} levels deep at most; flatten the schema")
        if schema.get("additionalProperties") is not False:
            self._note(path, "missing_additional_properties", 'an object needs "additionalProperties": false')
        required = set(schema.get("required", ()))
        for name in [name for name in properties if name not in required]:
            self._note(
                (*path, "properties", name),
                "not_required",
                'every property must be in required; for an optional one use a type such as ["string", "null"]',
            )
        for name in sorted(required - properties.keys()):
            self._note(path, "unknown_required", f"required names {name!r}, which is not among the properties")

    def _check_values(self, schema: dict[str, Any], path: Path) -> None:
        values = schema.get("enum", [])
        limits = _rules()["limits"]
        size = sum(len(str(value)) for value in values)
        self.enum_values += len(values)
        self.characters += size + (len(str(schema["const"])) if "const" in schema else 0)
        if len(values) > limits["long_enum_values"] and size > limits["long_enum_characters"]:
            self._note(
                path,
                "enum_too_long",
                f"an enum of more than {limits['long_enum_values']} values may have "
                f"{limits['long_enum_characters']:,} characters in all; shorten its values",
            )

    def _check_reference(self, schema: dict[str, Any], path: Path) -> None:
        target = schema["$ref"]
        if len(schema.keys() - {"$defs", "definitions"}) > 1:
            self._note(path, "reference_with_siblings", "$ref must stand alone; move the other keywords to its target")
        if target == "#" or target.startswith("#/"):
            steps = [step.replace("~1", "/").replace("~0", "~") for step in target.split("/")[1:]]
            self.references[path] = tuple(steps)
        else:
            self._note(path, "unknown_reference", "$ref must point into this schema, as #/$defs/NAME")

    def _check_references(self) -> None:
        for path in [path for path, target in self.references.items() if target not in self.visited]:
            self._note(path, "unknown_reference", "$ref points to nothing; add the definition to $defs")

    def _check_totals(self) -> None:
        self.characters += sum(len(path[-1]) for path in self.visited if _is_named(path))
        for count, limit, words in (
            (self.properties, "properties", "properties"),
            (self.enum_values, "enum_values", "enum values"),
            (self.characters, "name_characters", "characters in names and enum values"),
        ):
            if count > _rules()["limits"][limit]:
                allowed = _rules()["limits"][limit]
                self._note((), "too_large", f"the schema has {count:,} {words}; at most {allowed:,} are accepted")

    def _note(self, path: Path, code: str, remedy: str) -> None:
        self.details.append(violation(path, code, remedy))


@cache
def _rules() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files("vision.presets") / "strict.toml").read_text("utf-8"))


def violation(path: Path, code: str, remedy: str) -> Detail:
    where = "$" + "".join(f".{step}" if re.fullmatch(r"[\w$-]+", step) else f"[{step!r}]" for step in path)
    return Detail(code, f"At {where[:500]}: {remedy}.", param=where[:500])


def _types(schema: dict[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else kind


def _is_object(schema: dict[str, Any]) -> bool:
    return "object" in _types(schema) or "properties" in schema


def _is_named(path: Path) -> bool:
    return len(path) > 1 and path[-2] in {"properties", "$defs", "definitions"}


def _children(schema: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The schemas directly inside a schema, each with the steps that lead to it."""
    for keyword in ("properties", "$defs", "definitions"):
        for name, inner in schema.get(keyword, {}).items():
            yield (keyword, name), inner
    if "items" in schema:
        yield ("items",), schema["items"]
    for number, inner in enumerate(schema.get("anyOf", ())):
        yield ("anyOf", str(number)), inner


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
