"""What a worker needs to know of a step to make its calls; never changes while the job runs."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.errors import NotFound
from vision.kinds import Question
from vision.prices import Price, Usage
from vision.tokens import Fit


@dataclass(frozen=True)
class JobSpec:
    """One step's question: instructions, schema, detail, how images are fitted, output limits."""

    id: UUID
    tenant_id: str
    step: int
    lane: str
    preset: str | None
    prompt: str
    schema: dict[str, object] | None
    detail: str
    fit: Fit
    prompt_tokens: int
    expected_prompt_tokens: int
    max_output_tokens: int
    expected_output_tokens: int
    high_output_tokens: int | None
    capped: bool

    @cached_property
    def question(self) -> Question:
        """What its calls ask."""
        return Question(
            prompt=self.prompt,
            name=self.preset or "answer",
            schema=self.schema,
            detail=self.detail,
            max_output_tokens=self.max_output_tokens,
            text_tokens=self.prompt_tokens,
            likely_text_tokens=self.expected_prompt_tokens,
            likely_output_tokens=self.high_output_tokens,
        )

    def most_cost(self, price: Price | None, image_tokens: int) -> Decimal:
        """What one call can cost at most, in dollars; 0 without a price."""
        return most(price, image_tokens + self.prompt_tokens, self.max_output_tokens)

    def expected_cost(self, price: Price | None, image_tokens: int) -> Decimal:
        """What one call is expected to cost, in dollars; 0 without a price."""
        return (
            price.cost(Usage(image_tokens + self.expected_prompt_tokens, self.expected_output_tokens))
            if price
            else Decimal(0)
        )


def most(price: Price | None, input_tokens: int, output_tokens: int) -> Decimal:
    """What so many tokens can cost at most, in dollars; 0 without a price."""
    return price.most(input_tokens, output_tokens) if price else Decimal(0)


_QUESTION = """
    {0}.lane, {0}.preset, {0}.prompt, {0}.schema, {0}.detail, {0}.fit, {0}.max_side, {0}.prompt_tokens,
    coalesce({0}.expected_prompt_tokens, {0}.prompt_tokens) AS expected_prompt_tokens,
    {0}.max_output_tokens, {0}.expected_output_tokens, {0}.high_output_tokens, j.max_cost IS NOT NULL AS capped
"""

# The first step's question stands in the job's own row, too.
_FIRST = text(f"""
    SELECT j.id, j.tenant_id, 1 AS step, {_QUESTION.format("j")} FROM jobs j WHERE j.id = :job_id
""")

_LATER = text(f"""
    SELECT j.id, j.tenant_id, s.position AS step, {_QUESTION.format("s")}
    FROM jobs j JOIN steps s ON s.job_id = j.id AND s.position = :step WHERE j.id = :job_id
""")


async def load(engine: AsyncEngine, job_id: UUID, step: int = 1) -> JobSpec:
    """Read the question of one step of a job."""
    async with engine.connect() as connection:
        statement = _FIRST if step == 1 else _LATER
        values = {"job_id": job_id} if step == 1 else {"job_id": job_id, "step": step}
        row = (await connection.execute(statement, values)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"No job {job_id}.")
    columns = dict(row)
    return JobSpec(fit=Fit(columns.pop("fit"), columns.pop("max_side")), **columns)
