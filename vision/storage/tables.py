"""The tables. Every row carries its tenant; items, results and ledger rows are addressed by (job_id, number)."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    Identity,
    Index,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MONEY = Numeric(18, 8)


class Table(DeclarativeBase):
    """Naming convention, so that constraints can be altered later; column types by annotation."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain dict
        str: Text,
        datetime: DateTime(timezone=True),
        Decimal: MONEY,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }


class Tenant(Table):
    """An account: owns keys, jobs and files."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    webhook_secret: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Table):
    """A key is shown once; only its hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    last4: Mapped[str]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]


class File(Table):
    """An upload; the bytes are in DATA_DIR/files/<id>."""

    __tablename__ = "files"
    __table_args__ = (Index(None, "tenant_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    purpose: Mapped[str]
    filename: Mapped[str]
    media_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Job(Table):
    """What a caller submitted, and what has become of it."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "tenant_id", "id"),
        Index("ix_jobs_open_expires_at", "expires_at", postgresql_where=text("finished_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    status: Mapped[str]
    status_code: Mapped[str]
    preset: Mapped[str | None]
    """None for a custom prompt."""
    fingerprint: Mapped[str]
    """Hash of prompt and schema: what the answers were asked with."""
    prompt: Mapped[str]
    """The instructions as they are sent, language included."""
    schema: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """JSON, not JSONB: the order of its keys is the order in which the model answers."""
    model: Mapped[str]
    provider: Mapped[str]
    lane: Mapped[str]
    detail: Mapped[str]
    language: Mapped[str]
    prompt_tokens: Mapped[int]
    """Text tokens of one call: prompt, schema and message overhead."""
    max_output_tokens: Mapped[int]
    expected_output_tokens: Mapped[int]
    priority: Mapped[int] = mapped_column(SmallInteger)
    max_cost: Mapped[Decimal | None]
    webhook_url: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column("metadata")
    """The caller's metadata (`metadata` is SQLAlchemy's own word on a mapped class)."""

    total: Mapped[int] = mapped_column(server_default="0")
    succeeded: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    measured: Mapped[int] = mapped_column(server_default="0")
    estimated_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    estimated_cost: Mapped[Decimal] = mapped_column(server_default="0")
    input_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    output_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    image_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cached_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    spent: Mapped[Decimal] = mapped_column(server_default="0")
    unknown_cost: Mapped[Decimal] = mapped_column(server_default="0")
    """Upper bound of what calls with an unknown outcome may have cost; held against max_cost."""

    ending: Mapped[str | None]
    """`cancelled` or `expired`, once asked for; the job ends so when its calls in flight are done."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class Item(Table):
    """One unit of a job. Not written to while it is worked on, except its measured size and tokens."""

    __tablename__ = "items"
    __table_args__ = (Index(None, "job_id", "custom_id", unique=True),)

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """1, 2, 3 … in the order of the manifest."""
    tenant_id: Mapped[str]
    custom_id: Mapped[str]
    images: Mapped[list[str]]
    """`http(s)` URLs, data URLs or file ids."""
    details: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    width: Mapped[int | None]
    height: Mapped[int | None]
    """Pixels of the first image, as it is shown (EXIF orientation applied)."""
    image_tokens: Mapped[int | None]
    """None until measured."""


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
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None]


class Turn(Table):
    """A job's place in its lane: which job's items come next. Gone once the job is finished."""

    __tablename__ = "turns"
    __table_args__ = (Index(None, "lane", "priority", "service", postgresql_where=text("runnable")),)

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    lane: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    service: Mapped[float]
    """Tokens claimed so far, from where the lane stood when the job came in (start-time fair queueing)."""
    runnable: Mapped[bool]
    """False while the job is paused."""


class Result(Table):
    """What became of an item, once and for all: the primary key makes a second one impossible."""

    __tablename__ = "results"
    __table_args__ = (Index("ix_results_failed", "job_id", "number", postgresql_where=text("status = 'failed'")),)

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    status: Mapped[str]
    answer: Mapped[Any | None] = mapped_column(JSON)
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    input_tokens: Mapped[int] = mapped_column(server_default="0")
    output_tokens: Mapped[int] = mapped_column(server_default="0")
    image_tokens: Mapped[int] = mapped_column(server_default="0")
    cached_tokens: Mapped[int] = mapped_column(server_default="0")
    cost: Mapped[Decimal] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    latency_ms: Mapped[int | None]
    request_id: Mapped[str | None]
    finished_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LedgerEntry(Table):
    """One row an attempt: what was asked of a provider and what it cost, also when nothing came of it."""

    __tablename__ = "ledger"
    __table_args__ = (Index(None, "job_id", "number"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    tenant_id: Mapped[str]
    job_id: Mapped[UUID]
    number: Mapped[int]
    attempt: Mapped[int] = mapped_column(SmallInteger)
    lane: Mapped[str]
    outcome: Mapped[str]
    """`succeeded`, an error code, or `unknown` when the call's end was not seen."""
    input_tokens: Mapped[int] = mapped_column(server_default="0")
    output_tokens: Mapped[int] = mapped_column(server_default="0")
    image_tokens: Mapped[int] = mapped_column(server_default="0")
    cached_tokens: Mapped[int] = mapped_column(server_default="0")
    cost: Mapped[Decimal] = mapped_column(server_default="0")
    cost_is_known: Mapped[bool] = mapped_column(server_default=text("true"))
    """False: `cost` is the most that it can have been."""
    request_id: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class Event(Table):
    """Something that happened to a job, written in the transaction that made it happen."""

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


class IdempotencyKey(Table):
    """A create request that was carried out, so that its repetition answers the same job."""

    __tablename__ = "idempotency_keys"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    job_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
