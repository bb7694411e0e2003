"""Estimates: what a job would take, for each model and detail, before it is run."""

from fastapi import APIRouter, Request

from api.bodies import submission
from api.dependencies import JobsWriter, Services
from api.schemas import EstimateBody, EstimateQuery
from api.views.estimate import Estimate, view

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
async def create(request: Request, services: Services, tenant: JobsWriter) -> Estimate:
    """Estimate a job: tokens, cost and time, cheapest first. Takes what `POST /v1/jobs` takes; nothing is stored.

    What only matters to a run (`max_cost`, `webhook_url`, `priority`, `weight`, `deadline_seconds`, `metadata`) may be
    sent and plays no part; a `custom_id` may occur twice. Declared sizes are counted exactly. Of the other items
    up to 256 are measured and stand for the rest; so does an even part of the lines for a manifest of over a million.
    Then `exact` is false and each interval holds with 95 % confidence. `items.total` is the number of all items;
    `sized`, `measured` and `unreadable` are of those looked at. Unreadable images count as failures, which cost
    nothing.
    """
    async with submission.received(request, services, tenant, EstimateBody, EstimateQuery) as sent:
        found = await services.estimator.estimate(tenant, sent.fields.ask(), sent.items)
    return view(found)
