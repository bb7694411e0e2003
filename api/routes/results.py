"""A job's items in pages, and its results as a stream."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api import exports
from api.dependencies import JobsReader, Services
from api.schemas import Body, ItemsQuery
from api.views import lists
from api.views.item import Item, view
from api.views.lists import Page
from vision.errors import InvalidRequest
from vision.jobs import ids
from vision.storage.reports import items, jobs

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])


class ResultsQuery(Body):
    """The form that results come in."""

    format: Literal["jsonl", "csv", "parquet"] = "jsonl"


@router.get("/items")
async def page(
    job_id: str, services: Services, tenant: JobsReader, query: Annotated[ItemsQuery, Query()]
) -> Page[Item]:
    """Items in the order of the manifest."""
    uuid = ids.parse("job", job_id)
    after = _number(query.after, uuid.hex) if query.after else 0
    async with services.engine.connect() as connection:
        job = await jobs.get(connection, tenant, uuid)
        found = await items.page(connection, job, limit=query.limit + 1, after=after, status=query.status)
    return lists.page([view(item, job) for item in found], query.limit, f"/v1/jobs/{job_id}/items")


@router.get("/results", response_class=StreamingResponse)
async def stream(
    job_id: str, services: Services, tenant: JobsReader, query: Annotated[ResultsQuery, Query()]
) -> StreamingResponse:
    """All results once the job is over; before that, those there are so far."""
    if query.format == "parquet":
        raise InvalidRequest(
            "Results come as jsonl or csv; parquet is not written yet.", code="unsupported_format", param="format"
        )
    async with services.engine.connect() as connection:
        job = await jobs.get(connection, tenant, ids.parse("job", job_id))
        schema = await jobs.schema(connection, tenant, job.id) if query.format == "csv" else None
    batches = items.results(services.engine, job)
    if query.format == "csv":
        return StreamingResponse(
            exports.table(batches, job, schema),
            media_type="text/csv; charset=utf-8",
            headers=_download(f"{job_id}.csv") | {"x-content-type-options": "nosniff"},
        )
    return StreamingResponse(
        exports.jsonl(batches, job), media_type="application/x-ndjson", headers=_download(f"{job_id}.jsonl")
    )


def _download(filename: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{filename}"'}


def _number(after: str, job_hex: str) -> int:
    """The number in an item's id."""
    head, digits = after[:-8], after[-8:]
    try:
        if head != f"item_{job_hex}":
            raise ValueError
        return int(digits, 16)
    except ValueError:
        raise InvalidRequest(
            "`after` is not the id of an item of this job.", code="invalid_cursor", param="after"
        ) from None
