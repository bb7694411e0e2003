"""Estimates: what a job would take, for each model and detail, before it is run."""

from typing import Any

from fastapi import APIRouter, Request

from api import estimation, submission
from api.dependencies import JobsWriter, Opened
from api.schemas import EstimateBody, EstimateQuery

router = APIRouter(prefix="/v1/estimates", tags=["estimates"])

BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": EstimateBody.model_json_schema()},
            "application/x-ndjson": {
                "schema": {
                    "type": "string",
                    "description": "One item a line; the other fields in the query, lists with commas.",
                }
            },
        },
    }
}


@router.post("", openapi_extra=BODY)
async def create(request: Request, opened: Opened, tenant: JobsWriter) -> dict[str, Any]:
    """Estimate a job: tokens, cost and time, cheapest first. Takes what `POST /v1/jobs` takes; nothing is stored.

    Image sizes that are not told are measured on a sample. What only matters to a run (`max_cost`, `webhook_url`,
    `priority`, `deadline_seconds`, `metadata`) may be sent and plays no part.
    """
    async with submission.received(request, opened, tenant, EstimateBody, EstimateQuery) as sent:
        found = await opened.estimator.estimate(tenant, sent.fields.ask(), sent.items)
    return estimation.estimate(found)
