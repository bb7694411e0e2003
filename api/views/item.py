"""Items and results on the wire."""

from decimal import Decimal
from typing import Literal

import orjson
from pydantic import BaseModel

from api.views.lists import Listed, unix
from vision.jobs import ids
from vision.jobs.lifecycle import ItemStatus
from vision.jobs.money import money
from vision.jobs.reports.item_report import ItemReport, ResultReport, error
from vision.jobs.reports.job_report import JobReport


class ItemError(BaseModel):
    """Why an item has no answer; the code is stable."""

    code: str
    message: str | None


class Item(Listed):
    """An item in a list. Width and height are pixels of its first image."""

    object: Literal["item"] = "item"
    custom_id: str
    status: str
    width: int | None
    height: int | None
    image_tokens: int | None
    attempts: int
    error: ItemError | None


def view(item: ItemReport, job: JobReport) -> Item:
    """An item of this job in a list."""
    failed = error(item.status, item.error_code, item.error_message)
    return Item(
        id=ids.item(job.id, item.number),
        custom_id=item.custom_id,
        status=item.status,
        width=item.width,
        height=item.height,
        image_tokens=item.image_tokens,
        attempts=item.attempts,
        error=failed and ItemError(code=failed[0], message=failed[1]),
    )


def result(item: ResultReport, job: JobReport) -> dict[str, object]:
    """A result line for orjson, which takes the answer's JSON text as it is. A dict: there may be millions."""
    unfinished = job.unfinished_status
    status = item.status or (unfinished.value if unfinished else ItemStatus.QUEUED.value)
    failed = error(status, item.error_code, item.error_message)
    return {
        "custom_id": item.custom_id,
        "item_id": ids.item(job.id, item.number),
        "status": status,
        "answer": orjson.Fragment(item.answer) if item.answer else None,
        "error": failed and {"code": failed[0], "message": failed[1]},
        "model": job.model,
        "usage": {
            "input_tokens": item.input_tokens or 0,
            "output_tokens": item.output_tokens or 0,
            "image_tokens": item.image_tokens or 0,
            "cached_tokens": item.cached_tokens or 0,
            **({"counted": True} if item.counted else {}),
        },
        "cost": money(item.cost or Decimal(0)),
        "attempts": item.attempts or 0,
        "latency_ms": item.latency_ms,
        "request_id": item.request_id,
        "finished_at": unix(item.finished_at or job.finished_at),
    }
