"""The HTTP API: takes jobs in and reports on them; decides nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import errors
from api.lifespan import open_services
from api.middleware.arrival import BodyLimits
from api.middleware.authentication import Authentication
from api.middleware.changes import Changes
from api.middleware.request_ids import RequestIds
from api.routes import catalogue, estimates, files, health, jobs, keys, lanes, results, webhooks
from vision.settings import Settings

ROUTERS = tuple(module.router for module in (jobs, results, estimates, files, catalogue, lanes, webhooks, keys, health))


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; connects to nothing before it is started."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(chosen) as services:
            app.state.services = services
            yield

    # The pages at /docs would load scripts from elsewhere. What comes in passes these from the last one to the first.
    app = FastAPI(title="Tessera", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    errors.install(app)
    app.add_middleware(Authentication)
    errors.answer_outside(app)
    app.add_middleware(Changes)
    app.add_middleware(BodyLimits)
    app.add_middleware(RequestIds)
    for router in ROUTERS:
        app.include_router(router)
    return app
