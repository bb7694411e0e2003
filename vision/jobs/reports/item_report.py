"""An item and its result, as read from the database."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from vision.jobs.lifecycle import ItemStatus

REST_ERRORS = {
    ItemStatus.CANCELLED: ("job_cancelled", "The job was cancelled before this item was done."),
    ItemStatus.EXPIRED: ("job_expired", "The job's deadline passed before this item was done."),
    ItemStatus.FAILED: ("job_failed", "The job failed before this item was done."),
}
"""Code and message of items without a result once their job is over."""


class ItemReport(NamedTuple):
    """An item and its state. Sizes in pixels, of its first image; None until they are known."""

    number: int
    custom_id: str
    width: int | None
    height: int | None
    image_tokens: int | None
    attempts: int
    error_code: str | None
    error_message: str | None
    status: str


class ResultReport(NamedTuple):
    """An item's result; without a result only `number` and `custom_id` are not None. `answer` is JSON text.

    A tuple, which is made in a fifth of the time of a frozen dataclass: there may be millions in one export.
    """

    number: int
    custom_id: str
    status: str | None
    error_code: str | None
    error_message: str | None
    input_tokens: int | None
    output_tokens: int | None
    image_tokens: int | None
    cached_tokens: int | None
    counted: bool | None
    cost: Decimal | None
    attempts: int | None
    latency_ms: int | None
    request_id: str | None
    finished_at: datetime | None
    answer: str | None


def error(status: str, code: str | None, message: str | None) -> tuple[str, str | None] | None:
    """Code and message of an item with this status; None where nothing went wrong."""
    if code:
        return code, message
    if status in {ItemStatus.SUCCEEDED, ItemStatus.QUEUED, ItemStatus.IN_FLIGHT}:
        return None
    return REST_ERRORS[ItemStatus(status)]
