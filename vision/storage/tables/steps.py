"""Jobs of several steps: the steps, and the answers of all steps but an item's last."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, SmallInteger, func
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class Step(Table):
    """One step of a job with several; the question of a job with one step is in the job's own row."""

    __tablename__ = "steps"

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    """1, 2, 3 … in the order of the plan."""
    tenant_id: Mapped[str]
    name: Mapped[str]
    condition: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    """Which items reach the step, as `vision.jobs.conditions` reads it; None: all that have not failed."""
    preset: Mapped[str | None]
    fingerprint: Mapped[str]
    prompt: Mapped[str]
    schema: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    model: Mapped[str]
    provider: Mapped[str]
    lane: Mapped[str]
    rule: Mapped[str]
    """By which image tokens are counted."""
    by_size: Mapped[bool]
    """Whether image tokens depend on the images' sizes."""
    detail: Mapped[str]
    fit: Mapped[str]
    max_side: Mapped[int | None]
    language: Mapped[str]
    prompt_tokens: Mapped[int]
    expected_prompt_tokens: Mapped[int | None]
    max_output_tokens: Mapped[int]
    expected_output_tokens: Mapped[int]
    high_output_tokens: Mapped[int | None]

    reached: Mapped[int] = mapped_column(server_default="0")
    """Items that came to this step; of the first step, all."""
    succeeded: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    input_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    output_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    image_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cached_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    spent: Mapped[Decimal] = mapped_column(server_default="0")


class Answer(Table):
    """A step's answer about an item that went on to another step; the last step's answer is the item's result."""

    __tablename__ = "answers"

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    tenant_id: Mapped[str]
    status: Mapped[str]
    answer: Mapped[object | None] = mapped_column(JSON)
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger)
    answered_at: Mapped[datetime] = mapped_column(server_default=func.now())
