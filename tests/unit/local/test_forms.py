"""Whatever schema a caller sends: the answer validates against it, and claims nothing that is not known."""

from typing import Any

import jsonschema
import pytest

from local import forms
from local.errors import WireError
from vision import presets


def an_object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": [*fields], "additionalProperties": False}


@pytest.mark.parametrize("name", ["ocr", "product_tagging"])
def test_a_preset_can_be_answered_with_nothing_known(name: str) -> None:
    schema = presets.get(name).schema
    assert schema is not None
    jsonschema.validate(forms.fill(schema, {}), schema)


def test_what_is_known_stands_where_the_schema_has_room_for_it() -> None:
    schema = an_object(title={"type": "string"}, other={"type": "string"}, score={"type": ["number", "null"]})
    assert forms.fill(schema, {"title": "Espresso", "score": 0.9, "unasked": 1}) == {
        "title": "Espresso",
        "other": "",
        "score": 0.9,
    }


@pytest.mark.parametrize(
    ("field", "blank"),
    [
        ({"type": "string"}, ""),
        ({"type": ["string", "null"]}, None),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "number"}, 0.0),
        ({"type": "integer", "minimum": 0}, 0),
        ({"type": "boolean"}, False),
        ({"type": "string", "enum": ["yes", "no", "unknown"]}, "unknown"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None),
        ({"$ref": "#/$defs/maybe"}, None),
        (an_object(inner={"type": "string"}), {"inner": ""}),
        ({"type": ["object", "null"], "properties": {"inner": {"type": "string"}}}, None),
        ({}, None),
    ],
)
def test_what_is_not_known_is_the_emptiest_value_allowed(field: dict[str, Any], blank: Any) -> None:
    schema = an_object(x=field) | {"$defs": {"maybe": {"type": ["string", "null"]}}}
    assert forms.fill(schema, {}) == {"x": blank}


@pytest.mark.parametrize(
    ("field", "known", "filled"),
    [
        ({"type": "string"}, 0.5, ""),
        ({"anyOf": [{"type": "string"}, {"type": "number"}]}, 0.5, 0.5),
        ({"anyOf": [{"type": "null"}, an_object(a={"type": "number"})]}, {"a": 1.0}, {"a": 1.0}),
        (
            {"type": "array", "items": an_object(text={"type": "string"}, box={"type": "string"})},
            [{"text": "x"}],
            [{"text": "x", "box": ""}],
        ),
        ({"type": "array", "items": {"$ref": "#/$defs/kind"}}, ["heading"], ["other"]),
        ({"type": "number", "maximum": 0.1}, 0.5, 0.0),
    ],
)
def test_known_values_are_adapted_to_the_schema(field: dict[str, Any], known: Any, filled: Any) -> None:
    schema = an_object(x=field) | {"$defs": {"kind": {"enum": ["table", "other"]}}}
    assert forms.fill(schema, {"x": known}) == {"x": filled}


@pytest.mark.parametrize(
    "field",
    [
        {"type": "string", "enum": ["cat", "dog"]},
        {"type": "number", "minimum": 1},
        {"type": "string", "pattern": "^[A-Z]+$"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/properties/x"},
    ],
)
def test_nothing_is_invented_to_satisfy_a_schema(field: dict[str, Any]) -> None:
    with pytest.raises(WireError) as caught:
        forms.fill(an_object(x=field), {})
    assert (caught.value.status, caught.value.code) == (400, "unsupported_schema")


def test_an_endless_schema_is_refused() -> None:
    schema = an_object(child={"$ref": "#"})
    with pytest.raises(WireError, match="nested too deeply"):
        forms.fill(schema, {})


def test_an_invalid_schema_is_named_as_such() -> None:
    with pytest.raises(WireError) as caught:
        forms.fill({"type": "objekt"}, {})
    assert caught.value.code == "invalid_schema"
