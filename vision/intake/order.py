"""An order: a job's fields as they were sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from vision.jobs.conditions import Json


@dataclass(frozen=True, kw_only=True)
class StepOrder:
    """One step as it was sent. `when`: which items reach it, in the form of `vision.jobs.conditions`."""

    name: str = "answer"
    when: Json = None
    preset: str | None = None
    prompt: str | None = None
    schema: dict[str, object] | None = None
    model: str | None = None
    detail: str | None = None
    fit: str = "none"
    max_side: int | None = None
    language: str = "en"
    max_output_tokens: int | None = None

    @property
    def has_question(self) -> bool:
        """Whether there is a question; some models take none."""
        fields = (self.preset, self.prompt, self.schema, self.max_output_tokens)
        return any(part is not None for part in fields)


@dataclass(frozen=True, kw_only=True)
class Order(StepOrder):
    """A job's fields as they were sent; items come separately. Without `steps` its own question is the only step."""

    steps: tuple[StepOrder, ...] = ()
    max_cost: Decimal | None = None
    allow_unpriced: bool = False
    priority: int = 0
    weight: int = 1
    deadline_seconds: int | None = None
    webhook_url: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
