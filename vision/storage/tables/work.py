"""The queue: ranges of items that wait or are leased, steps' turns in their lanes, and lanes that are down."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class Range(Table):
    """Items `start` … `stop - 1` of a job that wait for a phase, or (with a lease token) are leased.

    One row per job, step and phase at first: taking the next items moves its `start`, so that this row is the job's
    cursor. What a dead worker left, and what is to be tried again, are further rows.
    """

    __tablename__ = "ranges"
    __table_args__ = (
        Index(
            "ix_ranges_waiting_step",
            "job_id",
            "step",
            "phase",
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
    step: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    lane: Mapped[str]
    phase: Mapped[str]
    start: Mapped[int]
    stop: Mapped[int]
    run_at: Mapped[datetime | None]
    """When items that are tried again may run; None: at their turn."""
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """Tries that these items have had."""
    crashes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """Workers that died while they had leased these items."""
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
    """A step's place in the order of its lane, by which the next job is chosen. Deleted when the job ends."""

    __tablename__ = "turns"
    __table_args__ = (
        Index("ix_turns_order", "lane", text("priority DESC"), "service", "job_id", postgresql_where=text("runnable")),
    )

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1")
    tenant_id: Mapped[str]
    lane: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    service: Mapped[float]
    """Tokens claimed so far over the job's weight, from where the lane stood when the job came in (start-time fair
    queueing)."""
    runnable: Mapped[bool]
    """False while the job is paused."""


class LaneOutage(Table):
    """A lane that is down: one call at a time probes whether it is back."""

    __tablename__ = "lane_outages"

    lane: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    code: Mapped[str]
    message: Mapped[str]
    """The last call's error, without secrets."""
    probe_at: Mapped[datetime]
    """When the next probe is due. Taking it sets the time of the one after, so a dead process delays nothing."""
    probes: Mapped[int] = mapped_column(SmallInteger)
    """How often the wait has doubled."""
