"""Jobs: create, list, get, cancel, pause, resume, retry."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy import RowMapping

from api import views
from api.bodies import submission
from api.dependencies import JobsReader, JobsWriter, Services
from api.lifespan import ApiServices
from api.schemas import JobBody, JobQuery, JobsQuery
from vision import intake
from vision.jobs import ids
from vision.jobs.lifecycle import TERMINAL
from vision.storage.reports import jobs

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

POLL_SECONDS = 2
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": JobBody.model_json_schema()},
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "One item a line; the job's other fields in the query."}
            },
        },
    }
}


@router.post("", status_code=201, openapi_extra=BODY)
async def create(
    request: Request,
    response: Response,
    services: Services,
    tenant: JobsWriter,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    """Submit a job: fields and items as JSON, or items as JSON lines with the fields in the query string."""
    async with submission.received(request, services, tenant, JobBody, JobQuery) as sent:
        replay = sent.replay(idempotency_key)
        request.state.repeatable = replay is not None
        receipt = await intake.submit(services.context, tenant, sent.order, sent.items, replay)
    if receipt.replayed:
        response.headers["idempotent-replayed"] = "true"
    response.headers["location"] = f"/v1/jobs/{ids.public('job', receipt.job_id)}"
    return _show(services, receipt.job, response)


@router.get("")
async def page(services: Services, tenant: JobsReader, query: Annotated[JobsQuery, Query()]) -> dict[str, Any]:
    """Jobs, newest first."""
    after = query.start("job")
    async with services.engine.connect() as connection:
        rows = await jobs.page(connection, tenant, limit=query.limit + 1, after=after, status=query.status)
    lanes = {name: lane for row in rows if (lane := services.context.catalogue.lanes.get(name := row["lane"]))}
    paces = {name: await services.paces.of(lane) for name, lane in lanes.items()}
    shown = [views.job(row, lanes.get(row["lane"]), paces.get(row["lane"])) for row in rows]
    return views.page(shown, query.limit, "/v1/jobs")


@router.get("/{job_id}")
async def get(job_id: str, response: Response, services: Services, tenant: JobsReader) -> dict[str, Any]:
    """One job, as it stands now."""
    uuid = ids.parse("job", job_id)
    async with services.engine.connect() as connection:
        row = await jobs.get(connection, tenant, uuid)
    if lane := services.context.catalogue.lanes.get(row["lane"]):
        await services.paces.of(lane)
    return _show(services, row, response)


@router.post("/{job_id}/cancel")
async def cancel(job_id: str, response: Response, services: Services, tenant: JobsWriter) -> dict[str, Any]:
    """Send nothing new; calls in flight are finished, then the job is cancelled."""
    return await _act(intake.cancel, services, tenant, job_id, response)


@router.post("/{job_id}/pause")
async def pause(job_id: str, response: Response, services: Services, tenant: JobsWriter) -> dict[str, Any]:
    """Send nothing new until the job is resumed."""
    return await _act(intake.pause, services, tenant, job_id, response)


@router.post("/{job_id}/resume")
async def resume(job_id: str, response: Response, services: Services, tenant: JobsWriter) -> dict[str, Any]:
    """Go on with a paused job."""
    return await _act(intake.resume, services, tenant, job_id, response)


@router.post("/{job_id}/retry")
async def retry(job_id: str, response: Response, services: Services, tenant: JobsWriter) -> dict[str, Any]:
    """Try the failed items of a finished job again."""
    return await _act(intake.retry, services, tenant, job_id, response)


Act = Callable[[intake.IntakeContext, str, UUID], Awaitable[RowMapping]]


async def _act(act: Act, services: ApiServices, tenant: str, job_id: str, response: Response) -> dict[str, Any]:
    return _show(services, await act(services.context, tenant, ids.parse("job", job_id)), response)


def _show(services: ApiServices, row: RowMapping, response: Response) -> dict[str, Any]:
    """Asks nobody: behind a commit an error would hide what has been done."""
    if row["status"] not in TERMINAL:
        response.headers["retry-after"] = str(POLL_SECONDS)
    lane = services.context.catalogue.lanes.get(row["lane"])
    return views.job(row, lane, services.paces.last(lane) if lane else None)
