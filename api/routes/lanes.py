"""Lanes: one provider key and model each; the limit, and what is left of it now."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from sqlalchemy import RowMapping

from api import lane_states
from api.dependencies import JobsReader, JobsWriter, Services
from api.lifespan import ApiServices
from api.views.lane import limits
from api.views.lists import page_of_dicts, unix
from vision.errors import NotFound
from vision.jobs.money import money
from vision.limiter import LaneState
from vision.provider.catalogue import Lane
from vision.storage.queue import outages
from vision.storage.reports import jobs
from vision.storage.reports.jobs import Used

router = APIRouter(prefix="/v1/lanes", tags=["lanes"])


@router.get("")
async def every(services: Services, tenant: JobsReader) -> dict[str, Any]:
    """All lanes; `now` is null while Redis cannot be reached, `breaker` unless the provider does not answer."""
    shown = await _shown(services, tenant, list(services.context.catalogue.lanes.values()))
    return page_of_dicts(shown, len(shown), "/v1/lanes")


@router.post("/{lane:path}/resume")
async def resume(lane: str, services: Services, tenant: JobsWriter) -> dict[str, Any]:
    """End a lane's pause, whoever asked for it; calls that wait start within a quarter of a second. Idempotent."""
    found = services.context.catalogue.lanes.get(lane)
    if found is None:
        raise NotFound(f"There is no lane {lane!r}. GET /v1/lanes lists them.", param="lane")
    await services.limiter.resume(found.name, found.limit)
    return (await _shown(services, tenant, [found]))[0]


async def _shown(services: ApiServices, tenant: str, lanes: Sequence[Lane]) -> list[dict[str, Any]]:
    async with services.engine.connect() as connection:
        in_flight = await jobs.in_flight_by_lane(connection, tenant)
        used = await jobs.used_by_lane(connection, tenant)
        down = {outage["lane"]: outage for outage in await outages.every(connection)}
    states = await lane_states.now(services)
    return [
        _view(lane, in_flight.get(lane.name, 0), states[lane.name])
        | _used(used.get(lane.name, Used()))
        | _breaker(down.get(lane.name))
        for lane in lanes
    ]


def _used(used: Used) -> dict[str, Any]:
    """Tokens and money of the caller's jobs on a lane."""
    return {
        "tokens": {name: getattr(used, f"{name}_tokens") for name in ("input", "output", "image", "cached")},
        "cost": {"currency": "USD", "spent": money(used.spent)},
    }


def _breaker(outage: RowMapping | None) -> dict[str, Any]:
    """Since when the provider does not answer, what was heard last, and when it is asked again."""
    if outage is None:
        return {"breaker": None}
    return {
        "breaker": {
            "open_since": unix(outage["since"]),
            "next_probe_at": unix(outage["probe_at"]),
            "code": outage["code"],
            "message": outage["message"],
        }
    }


def _view(lane: Lane, in_flight: int, state: LaneState | None) -> dict[str, Any]:
    return {
        "id": lane.name,
        "object": "lane",
        "provider": lane.provider.name,
        "model": lane.model,
        "limits": limits(lane),
        "in_flight": in_flight,
        "now": asdict(state) if state else None,
    }
