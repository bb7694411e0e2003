"""Answers are parsed, checked and made fit to be stored; a bad one is told without being repeated."""

from typing import Any

import orjson
import pytest

from vision import presets
from vision.errors import ItemError, Retry
from vision.kinds.reading.answers import AnswerReader, reader

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "score": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "kind": {"type": "string", "enum": ["cat", "dog"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "child": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    },
    "required": ["name", "score", "kind", "tags", "child"],
    "additionalProperties": False,
}
ANSWER: dict[str, Any] = {"name": "Tom", "score": 0.5, "kind": "cat", "tags": ["grey"], "child": None}


def text(**changes: Any) -> str:
    return orjson.dumps({**ANSWER, **changes}).decode()


def problem(answer: str) -> str:
    with pytest.raises(ItemError) as caught:
        reader(SCHEMA).read(answer)
    assert (caught.value.code, caught.value.retry) == ("output_invalid", Retry.NEVER)
    assert "secret" not in caught.value.message
    assert len(caught.value.message) < 500
    return caught.value.message


def test_an_answer_that_fits():
    assert reader(SCHEMA).read(text()) == ANSWER
    assert reader(SCHEMA).read(text(score=None, child={**ANSWER, "score": 1}))["child"]["score"] == 1


def test_a_reader_serves_many_answers():
    reader = AnswerReader(SCHEMA)
    assert [reader.read(text(name=name))["name"] for name in "abc"] == ["a", "b", "c"]


def test_without_schema_the_text_is_the_answer():
    assert reader(None).read('{"a": 1}') == {"text": '{"a": 1}'}


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}```", "\n```JSON\n{}\n```\n"])
def test_a_code_fence_is_taken_off(fence: str):
    assert reader(SCHEMA).read(fence.replace("{}", text(name="``` inside")))["name"] == "``` inside"


@pytest.mark.parametrize(
    ("changes", "path", "rule"),
    [
        ({"name": 5}, "$.name", "must have type"),
        ({"score": 1.5}, "$.score", "must have maximum 1"),
        ({"kind": "secret"}, "$.kind", 'must have enum ["cat", "dog"]'),
        ({"tags": ["a", 2]}, "$.tags[1]", "must have type"),
        ({"tags": ["a"] * 4}, "$.tags", "must have maxItems 3"),
        ({"secret": "secret"}, "$:", "a field that the schema does not name"),
        ({"child": {"name": "secret"}}, "$.child", "none of the alternatives"),
    ],
)
def test_an_answer_that_does_not_fit(changes: dict[str, Any], path: str, rule: str):
    message = problem(text(**changes))
    assert path in message
    assert rule in message


def test_missing_fields_are_named():
    assert "missing score, kind, tags, child" in problem('{"name": "secret"}')


@pytest.mark.parametrize("answer", ["secret", '{"name": "secret', "[1", '{"score": 1e999}', "NaN", "[" * 5000])
def test_an_answer_that_is_no_json(answer: str):
    assert "not valid JSON" in problem(answer)


@pytest.mark.parametrize("answer", ["", " \n"])
def test_an_empty_answer_is_none(answer: str):
    assert "empty" in problem(answer)


def test_deep_answers_end_in_an_error():
    answer = text()
    for _ in range(900):
        answer = '{"name":"a","score":0,"kind":"cat","tags":[],"child":' + answer + "}"
    assert "nested too deeply" in problem(answer)


def test_what_postgres_cannot_store_is_replaced():
    answer = text(name="a\0b", tags=["c\0"])
    assert "\\u0000" in answer
    assert reader(SCHEMA).read(answer) == {**ANSWER, "name": "a\ufffdb", "tags": ["c\ufffd"]}
    assert reader(None).read("a\0b\ud83d") == {"text": "a\ufffdb\ufffd"}
    assert reader(SCHEMA).read(text(name="\\u0000"))["name"] == "\\u0000"


def test_a_hostile_pattern_is_not_run():
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "^(x+x+)+$"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert reader(schema).read('{"a": "' + "x" * 200 + 'y"}')


def test_a_preset_reads_its_own_answers():
    preset = presets.get("scene")
    answer = {"subject": "Grey heron", "category": "animal", "features": ["a", "b", "c"], "note": None, "confidence": 1}
    assert reader(preset.schema).read(orjson.dumps(answer).decode()) == answer
