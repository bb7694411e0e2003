"""A job as read from the database, and figures computed from it, for the API, webhooks and other readers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Self
from uuid import UUID

from vision.jobs.lifecycle import TERMINAL, ItemStatus, JobStatus, StatusCode
from vision.jobs.reports.job_figures import Comparison, RequestCounts, TokensByKind

DOLLAR_PLACES = Decimal("0.00000001")


@dataclass(frozen=True)
class JobReport:
    """A job's columns (see `vision.storage.tables.Job`), and three last fields computed from its leases and lane."""

    id: UUID
    tenant_id: str
    status: str
    status_code: str
    preset: str | None
    fingerprint: str
    model: str
    provider: str
    lane: str
    detail: str
    fit: str
    max_side: int | None
    language: str
    prompt_tokens: int
    expected_prompt_tokens: int | None
    max_output_tokens: int
    expected_output_tokens: int
    priority: int
    weight: int
    steps: int
    max_cost: Decimal | None
    webhook_url: str | None
    metadata: Mapping[str, object]
    total: int
    succeeded: int
    failed: int
    measured: int
    estimated_tokens: int
    estimated_input_tokens: int
    estimated_image_tokens: int
    saved_image_tokens: int
    sizes_corrected: int
    estimated_cost: Decimal
    input_tokens: int
    output_tokens: int
    image_tokens: int
    cached_tokens: int
    spent: Decimal
    unknown_cost: Decimal
    doubted_cost: Decimal
    excess_cost: Decimal
    ending: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    in_flight: int = 0
    reserved: Decimal = Decimal(0)
    waiting_since: datetime | None = None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        """From a row with a column for each field; the last three may be missing."""
        return cls(**{name: row[name] for name in (FIELDS if "in_flight" in row else COLUMNS)})

    @property
    def is_over(self) -> bool:
        """Whether the job is in a final state."""
        return self.status in TERMINAL

    @cached_property
    def unfinished_status(self) -> ItemStatus | None:
        """The status of items without a result once the job is over; None before."""
        if not self.is_over:
            return None
        if self.status == JobStatus.CANCELLED:
            return ItemStatus.CANCELLED
        return ItemStatus.EXPIRED if self.status == JobStatus.EXPIRED else ItemStatus.FAILED

    @cached_property
    def counts(self) -> RequestCounts:
        """Items by status; row and leases come from one snapshot."""
        rest, unfinished = self.total - self.succeeded - self.failed, self.unfinished_status
        in_flight = 0 if unfinished else min(rest, self.in_flight)
        return RequestCounts(
            total=self.total,
            queued=0 if unfinished else rest - in_flight,
            in_flight=in_flight,
            succeeded=self.succeeded,
            failed=self.failed + (rest if unfinished is ItemStatus.FAILED else 0),
            cancelled=rest if unfinished is ItemStatus.CANCELLED else 0,
            expired=rest if unfinished is ItemStatus.EXPIRED else 0,
        )

    def code(self, *, lane_is_offered: bool) -> str:
        """The stored status code, or `lane_removed` if the job waits for a lane that is no longer configured."""
        waits = self.status_code in {StatusCode.WAITING, StatusCode.WORKING} and not self.counts.in_flight
        return StatusCode.LANE_REMOVED if waits and not lane_is_offered else self.status_code

    @property
    def progress(self) -> float:
        """The part of the items that have a result, 0 to 1."""
        return round((self.succeeded + self.failed) / self.total, 4)

    def for_all(self, tokens: int) -> int:
        """`tokens` of the measured items, scaled to all items; 0 until the first one is measured."""
        return round(tokens * self._items_per_measured)

    @property
    def estimated_cost_of_all(self) -> Decimal:
        """Dollars, scaled from the measured items to all."""
        return (self.estimated_cost * self._items_per_measured).quantize(DOLLAR_PLACES)

    @property
    def comparison(self) -> Comparison | None:
        """None until the job is over. Failed items and retries explain most differences."""
        if not self.is_over:
            return None
        output = self.estimated_tokens - self.estimated_input_tokens
        return Comparison(
            TokensByKind(self.estimated_input_tokens, self.estimated_image_tokens, output),
            TokensByKind(self.input_tokens, self.image_tokens, self.output_tokens),
            self.estimated_cost,
            self.spent,
        )

    @property
    def waits(self) -> bool:
        """Whether the job makes no progress: it is over or paused, or its provider does not answer."""
        return self.is_over or self.status == JobStatus.PAUSED or self.waiting_since is not None

    @property
    def _items_per_measured(self) -> Decimal:
        if self.is_over or not self.measured:
            return Decimal(1)
        return Decimal(self.total) / Decimal(self.measured)


FIELDS = tuple(field.name for field in fields(JobReport))
COLUMNS = FIELDS[:-3]
