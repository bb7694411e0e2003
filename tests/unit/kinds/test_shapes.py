"""The quick test never says yes where the full validator says no, and knows every shipped preset."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from vision import presets
from vision.kinds.shapes import compile_schema

TYPES = ["string", "number", "integer", "boolean", "null"]
scalars = st.none() | st.booleans() | st.integers(-2, 3) | st.floats(-2, 3) | st.sampled_from(["", "a", "b"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@st.composite
def an_object(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    properties = draw(st.dictionaries(st.sampled_from("ab"), inner, max_size=2))
    schema = {"type": draw(st.sampled_from(["object", ["object", "null"]])), "properties": properties}
    return {**schema, "required": list(properties), "additionalProperties": draw(st.sampled_from([False, False, True]))}


@st.composite
def an_array(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    return {"type": ["array", "string"], "items": draw(inner), "minItems": draw(st.integers(0, 1)), "maxItems": 2}


plain = st.fixed_dictionaries({"type": st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)})
bounded = st.fixed_dictionaries(
    {"type": st.just(["number", "null"]), "minimum": st.just(0)}, optional={"maximum": st.just(1)}
)
listed = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", ["string", "null"], ["string", "integer"]])},
    optional={"enum": st.just(["a", None, 1])},
)
schemas = st.recursive(
    plain | bounded | listed,
    lambda inner: an_object(inner) | an_array(inner) | an_object(an_array(inner)),
    max_leaves=5,
)


@given(schemas, values)
def test_a_yes_is_certain(schema: dict[str, Any], value: Any):
    if compile_schema(schema)(value):
        Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, True),
        ({"type": "number"}, False),
        ({"type": ["string", "null"], "enum": ["a"]}, None),
        ({"type": "number", "minimum": 0}, -0.1),
        ({"type": "number", "maximum": 1}, 2),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["a", "b"]),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, []),
        ({"type": "array", "items": {"type": "string"}}, [1]),
        ({"type": "string", "const": "a"}, "a"),
        ({"anyOf": [{"type": "string"}]}, "a"),
        ({}, "a"),
    ],
)
def test_a_no_means_ask_the_validator(schema: dict[str, Any], value: object):
    assert not compile_schema(schema)(value)


@pytest.mark.parametrize("name", presets.names())
def test_answers_to_every_preset_are_recognised(name: str):
    schema = presets.get(name).schema
    assert schema is not None
    answer = example(schema)
    Draft202012Validator(schema).validate(answer)
    assert compile_schema(schema)(answer)


def example(schema: dict[str, Any]) -> Any:
    """The plainest value that fits."""
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    match kind:
        case "object":
            return {name: example(inner) for name, inner in schema["properties"].items()}
        case "array":
            return [example(schema["items"])] * schema.get("minItems", 2)
        case "string":
            return schema.get("enum", ["text"])[0]
        case "boolean":
            return True
        case _:
            return 1
