"""What a worker needs to know of a job to make its calls; never changes while the job runs."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.errors import NotFound
from vision.prices import Price, Usage
from vision.tokens import Fit


@dataclass(frozen=True)
class JobSpec:
    """A job's question: instructions, schema, detail, how images are fitted, output limits."""

    id: UUID
    tenant_id: str
    lane: str
    preset: str | None
    prompt: str
    schema: dict[str, Any] | None
    detail: str
    fit: Fit
    prompt_tokens: int
    expected_prompt_tokens: int
    max_output_tokens: int
    expected_output_tokens: int
    high_output_tokens: int | None
    capped: bool

    def most_tokens(self, image_tokens: int) -> int:
        """What one call can be charged at most by our own count: images, text, and all the output that it may write."""
        return image_tokens + self.prompt_tokens + self.max_output_tokens

    def likely_tokens(self, image_tokens: int) -> int:
        """What 99 of 100 calls stay within; the most, until enough answers to the question have been seen."""
        most = self.max_output_tokens
        output = most if self.high_output_tokens is None else min(most, self.high_output_tokens)
        return image_tokens + self.expected_prompt_tokens + output

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


_SPEC = text("""
    SELECT id, tenant_id, lane, preset, prompt, schema, detail, fit, max_side, prompt_tokens, max_output_tokens,
           coalesce(expected_prompt_tokens, prompt_tokens) AS expected_prompt_tokens,
           expected_output_tokens, high_output_tokens, max_cost IS NOT NULL AS capped
    FROM jobs WHERE id = :job_id
""")


async def load(engine: AsyncEngine, job_id: UUID) -> JobSpec:
    """Read a job's question."""
    async with engine.connect() as connection:
        row = (await connection.execute(_SPEC, {"job_id": job_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(f"No job {job_id}.")
    columns = dict(row)
    return JobSpec(fit=Fit(columns.pop("fit"), columns.pop("max_side")), **columns)
