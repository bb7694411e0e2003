"""Is it alive, is it ready, how is it doing."""

import asyncio
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from fastapi import APIRouter, Response
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

import migrations
from api import metrics
from api.dependencies import Admin, Services
from api.errors import AWAY
from api.lifespan import ApiServices

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(services: Services, response: Response) -> dict[str, Any]:
    """Work can be taken in: the database is there and migrated. Without Redis work is kept, and waits.

    Without the broker work begins some seconds later, when a worker's sweep finds it.
    """
    database, redis, broker = await asyncio.gather(_database(services), _redis(services), _broker(services))
    state = {"database": database, "redis": redis, "broker": broker}
    is_ready = state["database"] == "ok"
    response.status_code = 200 if is_ready else 503
    return {"status": "ready" if is_ready else "not ready", **state}


@router.get("/metrics")
async def scrape(services: Services, tenant: Admin) -> Response:
    """Prometheus text."""
    content, media_type = await metrics.exposition(services, tenant)
    return Response(content, media_type=media_type)


async def _database(services: ApiServices) -> str:
    try:
        async with services.engine.connect() as connection:
            present = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalars().all()
    except ProgrammingError:
        return "not migrated"
    except AWAY:
        return "unreachable"
    return "ok" if _serves(present) else "not migrated"


async def _redis(services: ApiServices) -> str:
    try:
        await services.redis.ping()
    except RedisError:
        return "unreachable"
    return "ok"


async def _broker(services: ApiServices) -> str:
    return "ok" if await services.broker.is_reachable() else "unreachable"


def _serves(present: Sequence[str]) -> bool:
    """Whether a database at these revisions has what this code needs.

    A revision that this code does not know is a later one: a newer version is being rolled out, and what it takes away
    only a version after it does (expand first, contract later).
    """
    heads, known = _revisions()
    return set(present) == heads or any(revision not in known for revision in present)


@cache
def _revisions() -> tuple[set[str], set[str]]:
    """Those that this code was written for, and all that it knows."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    return set(scripts.get_heads()), {script.revision for script in scripts.walk_revisions()}
