"""Lanes: one provider key and model each; the limit, and what is left of it now."""

import asyncio
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from redis.exceptions import RedisError
from sqlalchemy import RowMapping

from api.dependencies import JobsReader, Opened
from api.resources import Resources
from api.views import money, page
from vision.limiter import Limit
from vision.provider.catalogue import Lane
from vision.storage import jobs

router = APIRouter(prefix="/v1/lanes", tags=["lanes"])


@router.get("")
async def every(opened: Opened, tenant: JobsReader) -> dict[str, Any]:
    """All lanes; `now` is null while Redis cannot be reached."""
    lanes = list(opened.desk.catalogue.lanes.values())
    async with opened.engine.connect() as connection:
        in_flight = await jobs.in_flight_by_lane(connection, tenant)
        used = await jobs.used_by_lane(connection, tenant)
    states = await asyncio.gather(*(_now(opened, lane) for lane in lanes))
    shown = [
        _view(lane, in_flight.get(lane.name, 0), now) | _used(used.get(lane.name))
        for lane, now in zip(lanes, states, strict=True)
    ]
    return page(shown, len(shown), "/v1/lanes")


async def _now(opened: Resources, lane: Lane) -> dict[str, Any] | None:
    try:
        return asdict(await opened.limiter.state(lane.name, Limit(lane.rpm, lane.tpm)))
    except RedisError:
        return None


def _used(sums: RowMapping | None) -> dict[str, Any]:
    """Tokens and money of the caller's jobs on a lane."""
    names = ("input", "output", "image", "cached")
    return {
        "tokens": {name: int(sums[f"{name}_tokens"]) if sums else 0 for name in names},
        "cost": {"currency": "USD", "spent": money(sums["spent"] if sums else Decimal(0))},
    }


def _view(lane: Lane, in_flight: int, now: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": lane.name,
        "object": "lane",
        "provider": lane.provider.name,
        "model": lane.model,
        "limits": {"requests_per_minute": lane.rpm, "tokens_per_minute": lane.tpm},
        "in_flight": in_flight,
        "now": now,
    }
