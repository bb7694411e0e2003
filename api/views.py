"""Rows as callers see them: OpenAI's style of fields, money as decimal strings, unix seconds."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from api.lane_states import Pace, work
from vision.jobs import ids
from vision.jobs.fair_share import until_done
from vision.jobs.lifecycle import TERMINAL, ItemStatus, JobStatus, StatusCode
from vision.prices import Usage
from vision.provider.catalogue import Lane
from vision.storage.reports.items import rest_status

Row = Mapping[Any, Any]

CENTS = 2
REST_ERRORS = {
    ItemStatus.CANCELLED: ("job_cancelled", "The job was cancelled before this item was done."),
    ItemStatus.EXPIRED: ("job_expired", "The job's deadline passed before this item was done."),
    ItemStatus.FAILED: ("job_failed", "The job failed before this item was done."),
}
"""What is said of items without a result once their job is over."""


def job(row: Row, lane: Lane | None, pace: Pace | None = None) -> dict[str, Any]:
    """The job object; `lane` and its pace are None when it is no longer offered."""
    counts = request_counts(row)
    return {
        "id": ids.public("job", row["id"]),
        "object": "job",
        "status": row["status"],
        "status_code": _status_code(row, lane, counts),
        "waiting_since": unix(row["waiting_since"]),
        "preset": row["preset"],
        "model": row["model"],
        "provider": row["provider"],
        "detail": row["detail"],
        "fit": row["fit"],
        "max_side": row["max_side"],
        "language": row["language"],
        "fingerprint": row["fingerprint"],
        "priority": row["priority"],
        "weight": row["weight"],
        "max_output_tokens": row["max_output_tokens"],
        "webhook_url": row["webhook_url"],
        "request_counts": counts,
        "measured": row["measured"],
        "progress": round((row["succeeded"] + row["failed"]) / row["total"], 4),
        "eta_seconds": _eta(row, pace),
        "tokens": {
            "estimated": _extrapolated(row, row["estimated_tokens"]),
            "input": row["input_tokens"],
            "output": row["output_tokens"],
            "image": row["image_tokens"],
            "cached": row["cached_tokens"],
            "saved": _extrapolated(row, row["saved_image_tokens"]),
        },
        "sizes_corrected": row["sizes_corrected"],
        "comparison": _comparison(row),
        "cost": {
            "currency": "USD",
            "estimated": money(_extrapolated_cost(row)),
            "reserved": money(row["reserved"]),
            "spent": money(row["spent"]),
            "unknown": money(row["unknown_cost"]),
            "doubted": money(row["doubted_cost"]),
            "excess": money(row["excess_cost"]),
            "saved": _saved(row, lane),
            "cap": None if row["max_cost"] is None else money(row["max_cost"]),
        },
        "created_at": unix(row["created_at"]),
        "started_at": unix(row["started_at"]),
        "finished_at": unix(row["finished_at"]),
        "expires_at": unix(row["expires_at"]),
        "metadata": row["metadata"],
    }


def _status_code(row: Row, lane: Lane | None, counts: Mapping[str, int]) -> str:
    """As stored, unless the job waits for a lane that is not on offer: workers leave such a job alone."""
    waits = row["status_code"] in {StatusCode.WAITING, StatusCode.WORKING} and not counts["in_flight"]
    return StatusCode.LANE_REMOVED if waits and lane is None else row["status_code"]


def request_counts(row: Row) -> dict[str, int]:
    """Items by status; they always sum to `total`, because row and ranges come from one snapshot."""
    total, succeeded, failed = row["total"], row["succeeded"], row["failed"]
    rest = total - succeeded - failed
    ended = rest_status(row)
    in_flight = 0 if ended else min(rest, int(row["in_flight"]))
    return {
        "total": total,
        "queued": 0 if ended else rest - in_flight,
        "in_flight": in_flight,
        "succeeded": succeeded,
        "failed": failed + (rest if ended is ItemStatus.FAILED else 0),
        "cancelled": rest if ended is ItemStatus.CANCELLED else 0,
        "expired": rest if ended is ItemStatus.EXPIRED else 0,
    }


def item(row: Row, of_job: Row) -> dict[str, Any]:
    """An item in a list."""
    return {
        "id": ids.item(of_job["id"], row["number"]),
        "object": "item",
        "custom_id": row["custom_id"],
        "status": row["status"],
        "width": row["width"],
        "height": row["height"],
        "image_tokens": row["image_tokens"],
        "attempts": row["attempts"],
        "error": _error(row["status"], row),
    }


def result(row: Row, of_job: Row) -> dict[str, Any]:
    """A result line for orjson, `row["answer"]` being JSON text; items without a result have their job's fate."""
    rest = rest_status(of_job)
    status = row["status"] or (rest.value if rest else ItemStatus.QUEUED.value)
    return {
        "custom_id": row["custom_id"],
        "item_id": ids.item(of_job["id"], row["number"]),
        "status": status,
        "answer": orjson.Fragment(row["answer"]) if row["answer"] else None,
        "error": _error(status, row),
        "model": of_job["model"],
        "usage": {
            "input_tokens": row["input_tokens"] or 0,
            "output_tokens": row["output_tokens"] or 0,
            "image_tokens": row["image_tokens"] or 0,
            "cached_tokens": row["cached_tokens"] or 0,
            **({"counted": True} if row["counted"] else {}),
        },
        "cost": money(row["cost"] or Decimal(0)),
        "attempts": row["attempts"] or 0,
        "latency_ms": row["latency_ms"],
        "request_id": row["request_id"],
        "finished_at": unix(row["finished_at"] or of_job["finished_at"]),
    }


def page(data: Sequence[Mapping[str, Any]], limit: int, url: str) -> dict[str, Any]:
    """A list envelope; `data` holds one more than `limit` when there is a next page."""
    shown = data[:limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(data) > limit,
        "url": url,
    }


def money(amount: Decimal) -> str:
    """`0.00087`, `5.00`, `0`: no exponent, no trailing zeros beyond cents."""
    if not amount:
        return "0"
    whole, _, fraction = f"{amount:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(CENTS, '0')}"


def limits(lane: Lane) -> dict[str, int | None]:
    """What the lane may use; null where there is no such limit."""
    return {
        "requests_per_minute": lane.limit.rpm,
        "tokens_per_minute": lane.limit.tpm,
        "requests_per_day": lane.limit.rpd,
        "tokens_per_day": lane.limit.tpd,
        "images_per_minute": lane.limit.ipm,
        "in_flight": lane.max_in_flight,
    }


def unix(moment: datetime | None) -> int | None:
    """Seconds since 1970."""
    return None if moment is None else int(moment.timestamp())


def _error(status: str, row: Row) -> dict[str, str | None] | None:
    if row["error_code"]:
        return {"code": row["error_code"], "message": row["error_message"]}
    if status in {ItemStatus.SUCCEEDED, ItemStatus.QUEUED, ItemStatus.IN_FLIGHT}:
        return None
    code, message = REST_ERRORS[ItemStatus(status)]
    return {"code": code, "message": message}


def _saved(row: Row, lane: Lane | None) -> str:
    """What the image tokens that shrinking saves would have cost, in dollars."""
    price = lane.price if lane else None
    return money(price.cost(Usage(_extrapolated(row, row["saved_image_tokens"]), 0))) if price else "0"


def _comparison(row: Row) -> dict[str, Any] | None:
    """What was estimated beside what came of it, once the job is over. Failed items and second tries explain most."""
    if row["status"] not in TERMINAL:
        return None
    estimated = {
        "input_tokens": row["estimated_input_tokens"],
        "image_tokens": row["estimated_image_tokens"],
        "output_tokens": row["estimated_tokens"] - row["estimated_input_tokens"],
    }
    pairs = {name: {"estimated": tokens, "actual": row[name]} for name, tokens in estimated.items()}
    return {**pairs, "cost": {"estimated": money(row["estimated_cost"]), "actual": money(row["spent"])}}


def _extrapolated(row: Row, tokens: int) -> int:
    """For all items what is known of the measured ones; 0 until the first one is measured."""
    return round(tokens * _factor(row))


def _extrapolated_cost(row: Row) -> Decimal:
    cost: Decimal = row["estimated_cost"] * _factor(row)
    return cost.quantize(Decimal("0.00000001"))


def _factor(row: Row) -> Decimal:
    """Items per measured item, while some may still be measured."""
    if row["status"] in TERMINAL or not row["measured"]:
        return Decimal(1)
    return Decimal(row["total"]) / Decimal(row["measured"])


def _eta(row: Row, pace: Pace | None) -> int | None:
    """Seconds at the limit in force, with what other jobs get meanwhile; None if over, paused, or waiting."""
    if pace is None or row["waiting_since"] or row["status"] in TERMINAL or row["status"] == JobStatus.PAUSED:
        return None
    others = (each for job_id, each in pace.work.items() if job_id != row["id"])
    calls, tokens = until_done(work(row), others)
    return math.ceil(pace.paused_seconds) + pace.limit.seconds(math.ceil(calls), math.ceil(tokens))
