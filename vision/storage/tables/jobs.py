"""What callers submitted: jobs, their items, and the requests that made them."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger, false, func, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class Job(Table):
    """A submitted job: its question, state, counters and money."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "tenant_id", "id"),
        Index(None, "tenant_id", "fingerprint", "model", "id"),
        Index("ix_jobs_open_expires_at", "expires_at", postgresql_where=text("finished_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    status: Mapped[str]
    status_code: Mapped[str]
    preset: Mapped[str | None]
    """None for a custom prompt."""
    fingerprint: Mapped[str]
    """Hash of prompt and schema, so that answers to the same question can be found."""
    prompt: Mapped[str]
    """The instructions as they are sent, language included."""
    schema: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    """JSON, not JSONB: the order of its keys is the order in which the model answers."""
    model: Mapped[str]
    provider: Mapped[str]
    lane: Mapped[str]
    detail: Mapped[str]
    fit: Mapped[str] = mapped_column(server_default="none")
    """Whether images are shrunk before they are sent: `none`, `snap` or `max`."""
    max_side: Mapped[int | None]
    """Pixels of the long side, with fit `max`."""
    language: Mapped[str]
    prompt_tokens: Mapped[int]
    """Text tokens of one call by our own count: prompt, schema and message overhead. Money is set aside by these."""
    expected_prompt_tokens: Mapped[int | None]
    """The same as the lane has charged them before, for estimates and the rate limit; None: as counted."""
    max_output_tokens: Mapped[int]
    expected_output_tokens: Mapped[int]
    """Of one answer, on average: as observed before, or the preset's own figure."""
    high_output_tokens: Mapped[int | None]
    """The 99th percentile of earlier answers; None if there were too few."""
    priority: Mapped[int] = mapped_column(SmallInteger)
    weight: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """Its share of the lane beside other jobs of its priority, 1 to 100."""
    steps: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """Number of steps. With more than one, each has a row in `steps`."""
    max_cost: Mapped[Decimal | None]
    webhook_url: Mapped[str | None]
    details: Mapped[dict[str, object]] = mapped_column("metadata")
    """The caller's metadata (`metadata` is SQLAlchemy's own word on a mapped class)."""

    total: Mapped[int] = mapped_column(server_default="0")
    succeeded: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    measured: Mapped[int] = mapped_column(server_default="0")
    estimated_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Input and output of the items measured so far; the next two are parts of it."""
    estimated_input_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    estimated_image_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    saved_image_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What shrinking the images saves, of the items measured so far."""
    sizes_corrected: Mapped[int] = mapped_column(server_default="0")
    """Items whose declared size was wrong and has been measured since."""
    estimated_cost: Mapped[Decimal] = mapped_column(server_default="0")
    input_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    output_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    image_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cached_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    spent: Mapped[Decimal] = mapped_column(server_default="0")
    unknown_cost: Mapped[Decimal] = mapped_column(server_default="0")
    """Upper bound of what calls with an unknown outcome may have cost; held against max_cost."""
    doubted_cost: Mapped[Decimal] = mapped_column(server_default="0")
    """By how much our own count of answered calls is above the reported usage; held against max_cost."""
    excess_cost: Mapped[Decimal] = mapped_column(server_default="0")
    """By how much the provider charged more than its published rule says."""

    ending: Mapped[str | None]
    """`cancelled` or `expired` once that is decided; the job ends so when its calls in flight are done."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    """Set: callers do not see the job any more; its rows and files are deleted little by little."""


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
    details: Mapped[dict[str, object] | None] = mapped_column("metadata")
    width: Mapped[int | None]
    height: Mapped[int | None]
    """Pixels of the first image, as it is shown (EXIF orientation applied)."""
    sizes: Mapped[list[int] | None]
    """Of an item with several images: width and height of each, one after the other. None until measured."""
    image_tokens: Mapped[int | None]
    """Of the first step. None until measured; a later step's follow from the sizes."""
    unseen: Mapped[bool] = mapped_column(server_default=false())
    """Its size was declared and never checked here, because the provider fetches it: it may be of any size."""


class IdempotencyKey(Table):
    """A create request that was carried out, so that repeating it returns the same job."""

    __tablename__ = "idempotency_keys"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    job_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
