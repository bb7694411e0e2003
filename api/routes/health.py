"""Liveness, readiness, and metrics."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from redis.exceptions import RedisError

import migrations
from api import metrics
from api.dependencies import Admin, Services
from api.errors import AWAY
from api.lifespan import ApiServices
from vision.storage.revision import revisions

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether jobs can be taken in, and the state of each server behind the API."""

    status: Literal["ready", "not ready"]
    database: Literal["ok", "not migrated", "unreachable"]
    redis: Literal["ok", "unreachable"]
    broker: Literal["ok", "unreachable"]


@router.get("/healthz")
async def alive() -> Alive:
    """The process answers."""
    return Alive()


@router.get("/readyz")
async def ready(services: Services, response: Response) -> Readiness:
    """Work can be taken in: the database is there and migrated. Without Redis work is kept, and waits.

    Without the broker work begins some seconds later, when a worker's sweep finds it.
    """
    database, redis, broker = await asyncio.gather(_database(services), _redis(services), _broker(services))
    response.status_code = 200 if database == "ok" else 503
    status = "ready" if database == "ok" else "not ready"
    return Readiness(status=status, database=database, redis=redis, broker=broker)


@router.get("/metrics")
async def scrape(services: Services, tenant: Admin) -> Response:
    """Prometheus text."""
    content, media_type = await metrics.exposition(services, tenant)
    return Response(content, media_type=media_type)


async def _database(services: ApiServices) -> Literal["ok", "not migrated", "unreachable"]:
    try:
        present = await revisions(services.engine)
    except AWAY:
        return "unreachable"
    return "ok" if migrations.serves(present) else "not migrated"


async def _redis(services: ApiServices) -> Literal["ok", "unreachable"]:
    try:
        await services.redis.ping()
    except RedisError:
        return "unreachable"
    return "ok"


async def _broker(services: ApiServices) -> Literal["ok", "unreachable"]:
    return "ok" if await services.broker.is_reachable() else "unreachable"
