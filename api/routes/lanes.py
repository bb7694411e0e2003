"""Lanes: one provider key and model each; the limit, and what is left of it now."""

from collections.abc import Sequence

from fastapi import APIRouter

from api import lane_states
from api.dependencies import JobsReader, JobsWriter, Services
from api.lifespan import ApiServices
from api.views.lane import Known, Lane, view
from api.views.lists import Page, page
from vision.errors import NotFound
from vision.provider import catalogue
from vision.storage.queue import dialects, outages
from vision.storage.reports import jobs
from vision.storage.reports.jobs import Used

router = APIRouter(prefix="/v1/lanes", tags=["lanes"])


@router.get("")
async def every(services: Services, tenant: JobsReader) -> Page[Lane]:
    """All lanes; `now` is null while Redis cannot be reached, `breaker` unless the provider does not answer."""
    shown = await _shown(services, tenant, list(services.context.catalogue.lanes.values()))
    return page(shown, len(shown), "/v1/lanes")


@router.post("/{lane:path}/resume")
async def resume(lane: str, services: Services, tenant: JobsWriter) -> Lane:
    """End a lane's pause, whoever asked for it; calls that wait start within a quarter of a second. Idempotent."""
    found = services.context.catalogue.lanes.get(lane)
    if found is None:
        raise NotFound(f"There is no lane {lane!r}. GET /v1/lanes lists them.", param="lane")
    await services.limiter.resume(found.name, found.limit)
    return (await _shown(services, tenant, [found]))[0]


async def _shown(services: ApiServices, tenant: str, lanes: Sequence[catalogue.Lane]) -> list[Lane]:
    async with services.engine.connect() as connection:
        in_flight = await jobs.in_flight_by_lane(connection, tenant)
        used = await jobs.used_by_lane(connection, tenant)
        down = {outage.lane: outage for outage in await outages.every(connection)}
        learned = await dialects.every(connection)
    states = await lane_states.now(services)
    known = {
        lane.name: Known(
            in_flight.get(lane.name, 0),
            used.get(lane.name, Used()),
            down.get(lane.name),
            learned.get((lane.name, lane.address), {}),
        )
        for lane in lanes
    }
    return [view(lane, states[lane.name], known[lane.name]) for lane in lanes]
