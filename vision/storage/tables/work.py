"""What waits and what is in hand: ranges of items, and jobs' turns in their lanes."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class Range(Table):
    """Items `start` … `stop - 1` of a job that wait for a stage, or (with a lease token) are in a worker's hands.

    One row per job and stage at first: taking the next items moves its `start`, so that this row is the job's
    cursor. What a dead worker left, and what is to be tried again, are further rows.
    """

    __tablename__ = "ranges"
    __table_args__ = (
        Index(
            "ix_ranges_waiting",
            "job_id",
            "stage",
            "run_at",
            "start",
            postgresql_where=text("lease_token IS NULL"),
        ),
        Index("ix_ranges_leased", "lease_until", postgresql_where=text("lease_token IS NOT NULL")),
        Index(None, "job_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    tenant_id: Mapped[str]
    job_id: Mapped[UUID]
    lane: Mapped[str]
    stage: Mapped[str]
    start: Mapped[int]
    stop: Mapped[int]
    run_at: Mapped[datetime | None]
    """When items that are tried again may run; None: at their turn."""
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """Tries that these items have had."""
    crashes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """Workers that died with these items in hand."""
    done: Mapped[int] = mapped_column(server_default="0")
    """Items of this lease that have been recorded."""
    reserved: Mapped[Decimal] = mapped_column(server_default="0")
    """Money set aside for the items of this lease that are not yet recorded."""
    decoding: Mapped[list[int]] = mapped_column(server_default=text("'{}'"))
    """Items of this lease whose images a worker set out to decode."""
    sent: Mapped[list[int]] = mapped_column(server_default=text("'{}'"))
    """Items of this lease whose calls a worker set out to send, and what each may cost at most."""
    sent_costs: Mapped[list[Decimal]] = mapped_column(server_default=text("'{}'"))
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None]


class Turn(Table):
    """A job's place in its lane: which job's items come next. Gone once the job is finished."""

    __tablename__ = "turns"
    __table_args__ = (
        Index("ix_turns_order", "lane", text("priority DESC"), "service", "job_id", postgresql_where=text("runnable")),
    )

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    lane: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    service: Mapped[float]
    """Tokens claimed so far over the job's weight, from where the lane stood when the job came in (start-time fair
    queueing)."""
    runnable: Mapped[bool]
    """False while the job is paused."""
