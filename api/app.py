"""The HTTP door: takes work in and tells what became of it; decides nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import errors
from api.request_ids import RequestIds
from api.resources import opened
from api.routes import catalogue, estimates, files, health, jobs, keys, lanes, results, webhooks
from vision.settings import Settings

ROUTERS = tuple(module.router for module in (jobs, results, estimates, files, catalogue, lanes, webhooks, keys, health))


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; connects to nothing before it is started."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(chosen) as resources:
            app.state.resources = resources
            yield

    app = FastAPI(title="Tessera", version="1", lifespan=lifespan)
    app.add_middleware(RequestIds)
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app
