"""Webhooks: events, their deliveries, and every attempt."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class Event(Table):
    """A change of a job's state, written in the same transaction as the change."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "job_id", "sequence", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    job_id: Mapped[UUID]
    sequence: Mapped[int]
    type: Mapped[str]
    body: Mapped[bytes]
    """The exact bytes that are signed and sent."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Delivery(Table):
    """An event on its way to a webhook."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "next_attempt_at", postgresql_where=text("status = 'pending'")),
        Index(None, "job_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    job_id: Mapped[UUID]
    event_id: Mapped[UUID]
    url: Mapped[str]
    status: Mapped[str]
    """`pending`, `delivered` or `failed`."""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_attempt_at: Mapped[datetime | None]


class DeliveryAttempt(Table):
    """One POST to a webhook and what came back."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (Index(None, "delivery_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    tenant_id: Mapped[str]
    delivery_id: Mapped[UUID]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None]
    duration_ms: Mapped[int]
    delivered: Mapped[bool] = mapped_column(server_default=false())
    at: Mapped[datetime] = mapped_column(server_default=func.now())
