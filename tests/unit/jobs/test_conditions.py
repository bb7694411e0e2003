"""Which answers get an item through a condition, and what is no condition."""

import pytest

from vision.errors import InvalidRequest
from vision.jobs.conditions import Json, StepOutcome, parse

ANSWER = {"action": "review", "confidence": 0.7, "scores": {"nudity": 0.2}, "tags": ["shoe", "red"], "flagged": True}


def holds(*tests: Json, answer: Json = ANSWER, quantifier: str = "any") -> bool:
    condition = parse({"step": "screen", quantifier: list(tests)}, ["screen"])
    return condition.holds(StepOutcome("succeeded", answer))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"field": "confidence", "lt": 0.7}, False),
        ({"field": "confidence", "lte": 0.7}, True),
        ({"field": "confidence", "gt": 0}, True),
        ({"field": "confidence", "gte": 0.71}, False),
        ({"field": "scores.nudity", "eq": 0.2}, True),
        ({"field": "scores.nudity", "ne": 0.2}, False),
        ({"field": "action", "in": ["review", "reject"]}, True),
        ({"field": "action", "in": []}, False),
        ({"field": "tags", "contains": "red"}, True),
        ({"field": "action", "contains": "view"}, True),
        ({"field": "action", "gt": "approve"}, True),
        ({"field": "flagged", "eq": True}, True),
        ({"field": "flagged", "eq": 1}, False),
        ({"field": "flagged", "gt": 0}, False),
        ({"field": "confidence", "gt": "a"}, False),
        ({"field": "tags", "lt": 5}, False),
        ({"field": "confidence", "contains": 7}, False),
        ({"field": "scores.nudity", "exists": True}, True),
        ({"field": "scores.gore", "exists": True}, False),
        ({"field": "scores.gore", "exists": False}, True),
        ({"field": "scores.gore", "ne": 1}, False),
        ({"field": "action.deeper", "eq": "review"}, False),
        ({"status": "succeeded"}, True),
        ({"status": "failed"}, False),
    ],
)
def test_one_test(test: Json, expected: bool) -> None:
    assert holds(test) is expected


def test_any_needs_one_and_all_needs_every_one() -> None:
    yes, no = {"field": "confidence", "gt": 0}, {"field": "confidence", "gt": 1}
    assert [holds(yes, no), holds(no, no)] == [True, False]
    assert [holds(yes, no, quantifier="all"), holds(yes, yes, quantifier="all")] == [False, True]


def test_answers_that_are_no_objects_have_no_fields() -> None:
    for answer in (None, "text", [1], 5):
        assert not holds({"field": "confidence", "ne": 1}, answer=answer)


def test_a_failure_is_known_by_its_status_and_by_its_code() -> None:
    failed = StepOutcome("failed", None, "refused")
    for test, expected in (({"status": "failed"}, True), ({"status": "refused"}, True), ({"status": "x"}, False)):
        assert parse({"step": "screen", "any": [test]}, ["screen"]).holds(failed) is expected


def test_a_step_that_was_not_reached_lets_nothing_through() -> None:
    condition = parse({"step": "screen", "any": [{"field": "a", "exists": False}]}, ["screen"])
    assert not condition.holds(None)


@pytest.mark.parametrize(
    "when",
    [
        None,
        "screen",
        {},
        {"step": "screen"},
        {"step": "later", "any": [{"status": "failed"}]},
        {"step": ["screen"], "any": [{"status": "failed"}]},
        {"step": "screen", "any": []},
        {"step": "screen", "any": [{"status": "failed"}] * 51},
        {"step": "screen", "any": [{"status": "failed"}], "all": []},
        {"step": "screen", "any": {"status": "failed"}},
        {"step": "screen", "any": [{"status": 5}]},
        {"step": "screen", "any": [{"field": "a"}]},
        {"step": "screen", "any": [{"field": 5, "eq": 1}]},
        {"step": "screen", "any": [{"field": "a", "lt": 1, "gt": 0}]},
        {"step": "screen", "any": [{"field": "a", "like": "b"}]},
        {"step": "screen", "any": [{"field": "a", "in": "bc"}]},
        {"step": "screen", "any": [{"field": "a", "exists": 1}]},
        {"step": "screen", "any": [{"field": "a", "lt": None}]},
        {"step": "screen", "any": [{"field": "a", "lt": True}]},
        {"step": "screen", "any": ["failed"]},
    ],
)
def test_what_is_no_condition_is_refused_with_a_reason(when: Json) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(when, ["screen"])
    assert (caught.value.code, caught.value.param) == ("invalid_condition", "when")
