"""Jobs: create, list, get, cancel, pause, resume, retry."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from api.bodies import bounded, submission
from api.dependencies import JobsReader, JobsWriter, Services
from api.lifespan import ApiServices
from api.schemas import JobBody, JobFields, JobQuery, JobsQuery
from api.views import lists
from api.views.job import Job, JobCheck, view
from api.views.lists import Deleted, Page
from vision import intake
from vision.jobs import ids
from vision.jobs.reports.job_report import JobReport
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


FIELDS = {"requestBody": {"required": True, "content": {"application/json": {"schema": JobFields.model_json_schema()}}}}


@router.post("", status_code=201, openapi_extra=BODY)
async def create(
    request: Request,
    response: Response,
    services: Services,
    tenant: JobsWriter,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Job:
    """Submit a job: fields and items as JSON, or items as JSON lines with the fields in the query string."""
    async with submission.received(request, services, tenant, JobBody, JobQuery) as sent:
        replay = sent.replay(idempotency_key)
        request.state.repeatable = replay is not None
        receipt = await intake.submit(services.context, tenant, sent.order, sent.items, replay)
    if receipt.replayed:
        response.headers["idempotent-replayed"] = "true"
    response.headers["location"] = f"/v1/jobs/{ids.public('job', receipt.job_id)}"
    return _show(services, receipt.job, response)


@router.post("/check", openapi_extra=FIELDS)
async def check(request: Request, services: Services, tenant: JobsWriter) -> JobCheck:
    """Check a job's fields without its items, before anything is uploaded; errors as when it is submitted."""
    fields = await bounded.parsed(request, JobFields, bounded.INLINE)
    first = intake.plan(services.context, fields.order()).first
    return JobCheck(provider=first.lane.provider.name, model=first.lane.model, detail=first.detail)


@router.get("")
async def page(services: Services, tenant: JobsReader, query: Annotated[JobsQuery, Query()]) -> Page[Job]:
    """Jobs, newest first."""
    after = query.start("job")
    async with services.engine.connect() as connection:
        found = await jobs.page(connection, tenant, limit=query.limit + 1, after=after, status=query.status)
    lanes = {job.lane: lane for job in found if (lane := services.context.catalogue.lanes.get(job.lane))}
    paces = {name: await services.paces.of(lane) for name, lane in lanes.items()}
    shown = [view(job, lanes.get(job.lane), paces.get(job.lane)) for job in found]
    return lists.page(shown, query.limit, "/v1/jobs")


@router.get("/{job_id}")
async def get(job_id: str, response: Response, services: Services, tenant: JobsReader) -> Job:
    """One job, as it stands now."""
    uuid = ids.parse("job", job_id)
    async with services.engine.connect() as connection:
        job = await jobs.get(connection, tenant, uuid)
    if lane := services.context.catalogue.lanes.get(job.lane):
        await services.paces.of(lane)
    return _show(services, job, response)


@router.post("/{job_id}/cancel")
async def cancel(job_id: str, response: Response, services: Services, tenant: JobsWriter) -> Job:
    """Send nothing new; calls in flight are finished, then the job is cancelled."""
    return await _act(intake.cancel, services, tenant, job_id, response)


@router.post("/{job_id}/pause")
async def pause(job_id: str, response: Response, services: Services, tenant: JobsWriter) -> Job:
    """Send nothing new until the job is resumed."""
    return await _act(intake.pause, services, tenant, job_id, response)


@router.post("/{job_id}/resume")
async def resume(job_id: str, response: Response, services: Services, tenant: JobsWriter) -> Job:
    """Go on with a paused job."""
    return await _act(intake.resume, services, tenant, job_id, response)


@router.post("/{job_id}/retry")
async def retry(job_id: str, response: Response, services: Services, tenant: JobsWriter) -> Job:
    """Try the failed items of a finished job again."""
    return await _act(intake.retry, services, tenant, job_id, response)


@router.delete("/{job_id}")
async def delete(job_id: str, services: Services, tenant: JobsWriter) -> Deleted:
    """Delete an ended job with all its rows and files; 409 before its end. Its cost is not shown any more."""
    await intake.delete(services.context, tenant, ids.parse("job", job_id))
    return Deleted(id=job_id, object="job")


Act = Callable[[intake.IntakeContext, str, UUID], Awaitable[JobReport]]


async def _act(act: Act, services: ApiServices, tenant: str, job_id: str, response: Response) -> Job:
    return _show(services, await act(services.context, tenant, ids.parse("job", job_id)), response)


def _show(services: ApiServices, job: JobReport, response: Response) -> Job:
    """Reads nothing: after a commit an error would hide what has been done."""
    if not job.is_over:
        response.headers["retry-after"] = str(POLL_SECONDS)
    lane = services.context.catalogue.lanes.get(job.lane)
    return view(job, lane, services.paces.last(lane) if lane else None)
