"""Results as streams: JSON lines, or CSV for spreadsheets."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import orjson

from api.views.item import result as view
from vision.jobs.reports.item_report import ResultReport
from vision.jobs.reports.job_report import JobReport

Batches = AsyncIterator[Sequence[ResultReport]]

BEFORE = ("custom_id", "item_id", "status", "error_code", "error_message")
AFTER = (
    "model",
    "input_tokens",
    "output_tokens",
    "image_tokens",
    "cached_tokens",
    "cost",
    "attempts",
    "latency_ms",
    "request_id",
    "finished_at",
    "counted",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")
"""A spreadsheet would run such a text (OWASP ASVS 1.2.10)."""


async def jsonl(batches: Batches, job: JobReport) -> AsyncIterator[bytes]:
    """One result object a line."""
    async for results in batches:
        yield b"".join(orjson.dumps(view(each, job), option=orjson.OPT_APPEND_NEWLINE) for each in results)


async def table(batches: Batches, job: JobReport, schema: Mapping[str, Any] | None) -> AsyncIterator[bytes]:
    """RFC 4180: a header, then a record a result; a column for each top-level field of the answers."""
    fields = tuple(schema.get("properties", {})) if schema else ("text",)
    yield _records([[*BEFORE, *(f"answer.{field}" for field in fields), *AFTER]])
    async for results in batches:
        yield _records(_record(view(each, job), each.answer, fields) for each in results)


def _record(result: dict[str, Any], json: str | None, fields: Sequence[str]) -> list[str]:
    error = result["error"] or {}
    parsed = orjson.loads(json) if json else None
    answer = parsed if isinstance(parsed, dict) else {}
    flat = (
        {"counted": False}
        | result
        | result["usage"]
        | {"error_code": error.get("code"), "error_message": error.get("message")}
    )
    values = [
        *(flat[name] for name in BEFORE),
        *(answer.get(field) for field in fields),
        *(flat[name] for name in AFTER),
    ]
    return [cell(value) for value in values]


def cell(value: Any) -> str:
    """A value as text that no spreadsheet runs; lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return orjson.dumps(value).decode()


def _records(records: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(records)
    return text.getvalue().encode()
