"""Items' results, and the cost of every attempt."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, false, func, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class Result(Table):
    """An item's final result; the primary key makes a second one impossible."""

    __tablename__ = "results"
    __table_args__ = (Index("ix_results_failed", "job_id", "number", postgresql_where=text("status = 'failed'")),)

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    step: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """The last step that the item reached."""
    status: Mapped[str]
    answer: Mapped[object | None] = mapped_column(JSON)
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    input_tokens: Mapped[int] = mapped_column(server_default="0")
    output_tokens: Mapped[int] = mapped_column(server_default="0")
    image_tokens: Mapped[int] = mapped_column(server_default="0")
    cached_tokens: Mapped[int] = mapped_column(server_default="0")
    counted: Mapped[bool] = mapped_column(server_default=false())
    """The tokens are our own count: the provider reported none, or an impossible number."""
    cost: Mapped[Decimal] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    latency_ms: Mapped[int | None]
    request_id: Mapped[str | None]
    finished_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LedgerEntry(Table):
    """One row for each attempt that may have cost something, whatever its outcome."""

    __tablename__ = "ledger"
    __table_args__ = (Index(None, "job_id", "number"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    tenant_id: Mapped[str]
    job_id: Mapped[UUID]
    number: Mapped[int]
    step: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    attempt: Mapped[int] = mapped_column(SmallInteger)
    lane: Mapped[str]
    outcome: Mapped[str]
    """`succeeded`, an error code, or `unknown` when the call's end was not seen."""
    input_tokens: Mapped[int] = mapped_column(server_default="0")
    output_tokens: Mapped[int] = mapped_column(server_default="0")
    image_tokens: Mapped[int] = mapped_column(server_default="0")
    cached_tokens: Mapped[int] = mapped_column(server_default="0")
    counted: Mapped[bool] = mapped_column(server_default=false())
    cost: Mapped[Decimal] = mapped_column(server_default="0")
    cost_is_known: Mapped[bool] = mapped_column(server_default=text("true"))
    """False: `cost` is the most that it can have been."""
    request_id: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
