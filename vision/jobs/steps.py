"""The steps of a job with several questions: which step an item reaches next."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision.errors import InvalidRequest
from vision.jobs.conditions import Condition, StepOutcome
from vision.jobs.lifecycle import ItemStatus

MOST_STEPS = 8
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Step:
    """One question: its lane, and which items reach it. `by_size`: image tokens depend on the images' sizes."""

    position: int
    name: str
    lane: str
    condition: Condition | None = None
    by_size: bool = True

    def admits(self, before: "Step", outcomes: Mapping[str, StepOutcome]) -> bool:
        """Whether an item reaches this step after `before`; `outcomes` of all its steps so far.

        An item that has just failed reaches only a step whose condition is about failures of `before`.
        """
        condition, failed = self.condition, outcomes[before.name].status == ItemStatus.FAILED
        if condition is None:
            return not failed
        if failed and not (condition.step == before.name and condition.is_about_failures):
            return False
        return condition.holds(outcomes.get(condition.step))


def following(steps: Sequence[Step], position: int, outcomes: Mapping[str, StepOutcome]) -> Step | None:
    """The step after the one at `position` (1, 2, …) for an item with these outcomes; None: it has its result."""
    before = steps[position - 1]
    return next((step for step in steps[position:] if step.admits(before, outcomes)), None)


def check_names(names: Sequence[str]) -> None:
    """InvalidRequest unless there are at most MOST_STEPS of them, all well formed and different."""
    if len(names) > MOST_STEPS:
        message = f"A job has at most {MOST_STEPS} steps; this one has {len(names)}."
        raise InvalidRequest(message, code="too_many_steps", param="steps")
    for name in names:
        if not NAME.fullmatch(name):
            message = f"{name!r} is no name for a step: small letters, digits and _, a letter first."
            raise InvalidRequest(message, code="invalid_step_name", param="steps")
        if names.count(name) > 1:
            message = f"Two steps are named {name!r}; give each a name of its own."
            raise InvalidRequest(message, code="invalid_step_name", param="steps")
