"""Every rule for strict schemas, with the path and the remedy that a caller is shown."""

from typing import Any

import pytest

from vision.errors import Detail, InvalidRequest
from vision.presets import strict

TEXT = {"type": "string"}


def an_object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def details(schema: object) -> tuple[Detail, ...]:
    with pytest.raises(InvalidRequest) as caught:
        strict.check(schema)
    assert (caught.value.code, caught.value.param) == ("invalid_schema", "schema")
    assert caught.value.details[0].message in caught.value.message
    return caught.value.details


def only(schema: object) -> tuple[str, str | None]:
    (detail,) = details(schema)
    return detail.code, detail.param


@pytest.mark.parametrize(
    "schema",
    [
        an_object(),
        an_object(a=TEXT, b={"type": ["number", "null"], "minimum": 0}),
        an_object(a={"anyOf": [TEXT, an_object(b=TEXT), {"type": "null"}]}),
        an_object(a={"type": "array", "items": {"type": "array", "items": TEXT}, "maxItems": 3}),
        {**an_object(a={"$ref": "#/$defs/cat"}), "$defs": {"cat": an_object(name=TEXT)}},
        {**an_object(a={"$ref": "#/definitions/a~1b"}), "definitions": {"a/b": TEXT}},
        an_object(child={"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
        an_object(a={"type": "string", "enum": ["x"], "description": "one of"}, b={"type": "string", "const": "y"}),
        an_object(default=TEXT, required=TEXT, **{"not": TEXT, "$ref": TEXT}),
        {**an_object(a=TEXT), "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A"},
    ],
)
def test_accepted(schema: object):
    strict.check(schema)


@pytest.mark.parametrize("schema", [None, True, [], "object", 1])
def test_a_schema_is_an_object(schema: object):
    assert only(schema) == ("root_not_object", "$")


@pytest.mark.parametrize(
    ("schema", "code", "path"),
    [
        ({"type": "array", "items": TEXT}, "root_not_object", "$"),
        ({"anyOf": [an_object()]}, "root_not_object", "$"),
        ({"$ref": "#/$defs/a", "$defs": {"a": an_object()}}, "root_not_object", "$"),
        ({**an_object(), "additionalProperties": True}, "missing_additional_properties", "$"),
        (an_object(a={"type": "object", "properties": {}}), "missing_additional_properties", "$.properties.a"),
        ({**an_object(a=TEXT), "required": []}, "not_required", "$.properties.a"),
        ({**an_object(a=TEXT), "required": ["a", "b"]}, "unknown_required", "$"),
        (an_object(a={}), "missing_type", "$.properties.a"),
        (an_object(a=True), "missing_type", "$.properties.a"),
        (an_object(a={"enum": ["x"]}), "missing_type", "$.properties.a"),
        (an_object(a={"type": "array"}), "missing_items", "$.properties.a"),
        (an_object(a={"$ref": "https://example.com/schema"}), "unknown_reference", "$.properties.a"),
        (an_object(a={"$ref": "#/$defs/b"}), "unknown_reference", "$.properties.a"),
        (an_object(a={"$ref": "#/additionalProperties"}), "unknown_reference", "$.properties.a"),
        (an_object(a={"$ref": "#", "description": "again"}), "reference_with_siblings", "$.properties.a"),
        (an_object(a={"type": "strin"}), "malformed_keyword", "$.properties.a.type"),
        (an_object(a={"type": "string", "pattern": "("}), "malformed_keyword", "$.properties.a"),
        (an_object(a={"type": "string", "title": "x\0"}), "malformed_schema", "$"),
        (an_object(a={"type": "string", "title": "x\ud800"}), "malformed_schema", "$"),
        (an_object(**{"a b": {}}), "missing_type", "$.properties['a b']"),
        (an_object(a={"anyOf": [TEXT, {}]}), "missing_type", "$.properties.a.anyOf.1"),
        ({**an_object(), "$defs": {"a": {}}}, "missing_type", "$.$defs.a"),
    ],
)
def test_refused(schema: object, code: str, path: str):
    assert only(schema) == (code, path)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("allOf", [TEXT]),
        ("oneOf", [TEXT]),
        ("not", TEXT),
        ("if", TEXT),
        ("then", TEXT),
        ("else", TEXT),
        ("dependentRequired", {}),
        ("dependentSchemas", {}),
        ("patternProperties", {}),
        ("uniqueItems", True),
        ("default", 1),
        ("$dynamicRef", "https://example.com/schema"),
    ],
)
def test_refused_keywords_come_with_a_remedy(keyword: str, value: object):
    (detail,) = details(an_object(a={"type": "string", keyword: value}))
    assert (detail.code, detail.param) == ("refused_keyword", "$.properties.a")
    assert detail.message.startswith(f"At $.properties.a: {keyword} is not accepted; ")


def nested(levels: int) -> dict[str, Any]:
    schema = an_object(leaf=TEXT)
    for _ in range(levels - 1):
        schema = an_object(list={"type": "array", "items": schema})
    return schema


def test_ten_levels():
    strict.check(nested(10))
    assert [detail.code for detail in details(nested(11))] == ["too_deep"]
    assert len(details(nested(13))) == 1


def test_endless_nesting_is_refused_in_time():
    schema: dict[str, Any] = TEXT
    for _ in range(100_000):
        schema = {"type": "array", "items": schema}
    assert only(an_object(a=schema)) == ("malformed_schema", "$")


def test_five_thousand_properties():
    strict.check(an_object(**{f"p{number}": TEXT for number in range(5_000)}))
    assert only(an_object(**{f"p{number}": TEXT for number in range(5_001)})) == ("too_large", "$")


def test_a_thousand_enum_values():
    def schema(count: int) -> dict[str, Any]:
        return an_object(a={"type": "string", "enum": [f"v{number}" for number in range(count)]})

    strict.check(schema(1_000))
    assert only(schema(1_001)) == ("too_large", "$")


def test_a_long_enum_has_short_values():
    def schema(count: int, length: int) -> dict[str, Any]:
        return an_object(a={"type": "string", "enum": [f"{number:0{length}}" for number in range(count)]})

    strict.check(schema(250, 100))
    strict.check(schema(251, 50))
    assert only(schema(251, 60)) == ("enum_too_long", "$.properties.a")


def test_names_have_a_total_length():
    def schema(count: int) -> dict[str, Any]:
        return an_object(**{f"{number:0100}": TEXT for number in range(count)})

    strict.check(schema(1_200))
    assert only(schema(1_201)) == ("too_large", "$")


def test_all_problems_are_told_at_once_but_no_more_than_a_hundred():
    assert len(details(an_object(a={}, b={"type": "array"}, c={"type": "string", "default": ""}))) == 3
    assert len(details(an_object(**{f"p{number}": {} for number in range(500)}))) == 100
