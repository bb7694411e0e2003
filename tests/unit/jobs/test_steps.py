"""Where an item goes after a step."""

import pytest

from vision.errors import InvalidRequest
from vision.jobs.conditions import StepOutcome, parse
from vision.jobs.steps import MOST_STEPS, Step, check_names, following

UNSURE = {"step": "screen", "any": [{"field": "confidence", "lt": 0.9}]}
STEPS = (
    Step(1, "screen", "a/cheap"),
    Step(2, "decide", "b/good", parse(UNSURE, ["screen"])),
    Step(3, "people", "c/people", parse({"step": "decide", "any": [{"status": "failed"}]}, ["screen", "decide"])),
)
SURE, DOUBT, FAILED = (
    StepOutcome("succeeded", {"confidence": 0.95}),
    StepOutcome("succeeded", {"confidence": 0.5}),
    StepOutcome("failed", None, "refused"),
)


def after(position: int, **outcomes: StepOutcome) -> str | None:
    step = following(STEPS, position, outcomes)
    return step and step.name


def test_an_item_goes_to_the_next_step_whose_condition_holds() -> None:
    assert after(1, screen=DOUBT) == "decide"
    assert after(1, screen=SURE) is None
    assert after(2, screen=DOUBT, decide=SURE) is None


def test_a_failed_item_goes_only_where_failures_of_its_step_are_asked_for() -> None:
    assert after(1, screen=FAILED) is None
    assert after(2, screen=DOUBT, decide=FAILED) == "people"


def test_the_last_step_has_none_after_it() -> None:
    assert after(3, screen=DOUBT, decide=FAILED, people=SURE) is None


def test_a_step_without_a_condition_is_reached_by_all_that_have_not_failed() -> None:
    steps = (Step(1, "first", "a/b"), Step(2, "second", "a/b"))
    assert following(steps, 1, {"first": SURE}) == steps[1]
    assert following(steps, 1, {"first": FAILED}) is None


def test_a_failed_item_does_not_go_on_by_an_older_answer() -> None:
    steps = (*STEPS[:2], Step(3, "again", "c/d", parse(UNSURE, ["screen", "decide"])))
    assert following(steps, 2, {"screen": DOUBT, "decide": FAILED}) is None
    assert following(steps, 2, {"screen": DOUBT, "decide": SURE}) == steps[2]


@pytest.mark.parametrize("names", [["a", "a"], ["A"], [""], ["1a"], ["a-b"], ["a" * 64], ["é"]])
def test_names_are_plain_and_different(names: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="name"):
        check_names(names)


def test_there_are_not_too_many_steps() -> None:
    check_names([f"step_{number}" for number in range(MOST_STEPS)])
    with pytest.raises(InvalidRequest, match="at most 8 steps; this one has 9"):
        check_names([f"step_{number}" for number in range(MOST_STEPS + 1)])
