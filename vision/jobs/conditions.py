"""Conditions of steps: tests on an earlier step's answer decide whether an item reaches a step.

`{"step": "screen", "any": [{"field": "scores.nudity", "gte": 0.2}, {"status": "failed"}]}`; `all` instead of `any`
asks for every test. A test names a field of the answer and one operator, or the outcome: `succeeded`, `failed`, or an
error code. A field that the answer does not have makes its test false.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from vision.errors import InvalidRequest

Json = object
"""A parsed JSON value."""

MOST_TESTS = 50
_MISSING = object()


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """A step's answer for an item, or the error."""

    status: str
    answer: Json = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One field of the answer compared with a value, or (without a field) the outcome."""

    operator: str
    value: Json
    field: tuple[str, ...] = ()

    def holds(self, outcome: StepOutcome) -> bool:
        """Whether the test is true for this outcome."""
        if not self.field:
            return self.value in {outcome.status, outcome.error_code}
        found = _at(outcome.answer, self.field)
        if self.operator == "exists":
            return (found is not _MISSING) == self.value
        return found is not _MISSING and OPERATORS[self.operator](found, self.value)


@dataclass(frozen=True, slots=True)
class Condition:
    """Tests on the outcome of `step`: all must be true (`every`), or at least one."""

    step: str
    tests: tuple[Check, ...]
    every: bool

    def holds(self, outcome: StepOutcome | None) -> bool:
        """Whether an item with this outcome passes; None: it did not reach `step`."""
        if outcome is None:
            return False
        return (all if self.every else any)(test.holds(outcome) for test in self.tests)

    @property
    def is_about_failures(self) -> bool:
        """Whether items that failed in the step can pass."""
        return any(not test.field for test in self.tests)


def parse(when: Json, earlier: Sequence[str]) -> Condition:
    """Read the JSON form; `earlier`: names of the steps before. InvalidRequest `invalid_condition` if it is wrong."""
    if not isinstance(when, dict) or set(when) not in ({"step", "any"}, {"step", "all"}):
        _refuse('`when` is {"step": NAME, "any": [TEST, …]}, or "all" instead of "any".')
    if when["step"] not in earlier:
        _refuse(f"`when` names the step {when['step']!r}; the steps before are: {', '.join(earlier) or 'none'}.")
    tests = when.get("any", when.get("all"))
    if not isinstance(tests, list) or not 1 <= len(tests) <= MOST_TESTS:
        _refuse(f"`when` takes 1 to {MOST_TESTS} tests.")
    return Condition(when["step"], tuple(_test(test) for test in tests), every="all" in when)


def _test(test: Json) -> Check:
    if isinstance(test, dict) and set(test) == {"status"} and isinstance(test["status"], str):
        return Check("status", test["status"])
    if not isinstance(test, dict) or not isinstance(test.get("field"), str) or len(test) != 2:
        _refuse('A test is {"field": "a.b", OPERATOR: VALUE} or {"status": "failed"}.')
    name, value = next((name, value) for name, value in test.items() if name != "field")
    if name != "exists" and name not in OPERATORS:
        _refuse(f"There is no operator {name!r}; use one of {', '.join((*OPERATORS, 'exists'))}.")
    if (name == "in" and not isinstance(value, list)) or (name == "exists" and not isinstance(value, bool)):
        _refuse(f"The operator {name!r} takes {'a list' if name == 'in' else 'true or false'}.")
    if name in ORDERED and (isinstance(value, bool) or not isinstance(value, int | float | str)):
        _refuse(f"The operator {name!r} takes a number or a text.")
    return Check(name, value, tuple(test["field"].split(".")))


def _at(answer: Json, field: Sequence[str]) -> Json:
    for name in field:
        if not isinstance(answer, Mapping) or name not in answer:
            return _MISSING
        answer = answer[name]
    return answer


def _same(found: Json, value: Json) -> bool:
    """JSON's equality: `true` is not 1, but 1 is 1.0."""
    return found == value and isinstance(found, bool) == isinstance(value, bool)


def _contains(found: Json, value: Json) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    return isinstance(found, list) and any(_same(each, value) for each in found)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    """Numbers with numbers, texts with texts; nothing else has an order."""

    def holds(found: Json, value: Json) -> bool:
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (found, value))
        texts = isinstance(found, str) and isinstance(value, str)
        return (numbers or texts) and compare(found, value)

    return holds


ORDERED = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}
OPERATORS: Mapping[str, Callable[[Json, Json], bool]] = {
    **{name: _ordered(compare) for name, compare in ORDERED.items()},
    "eq": _same,
    "ne": lambda found, value: not _same(found, value),
    "in": lambda found, values: isinstance(values, list) and any(_same(found, value) for value in values),
    "contains": _contains,
}


def _refuse(message: str) -> NoReturn:
    raise InvalidRequest(message, code="invalid_condition", param="when")
