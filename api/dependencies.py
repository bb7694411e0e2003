"""Dependencies of routes: the services, and a caller whose key has the scope."""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from api.lifespan import ApiServices
from vision.errors import Forbidden
from vision.storage.keys import Caller, Scope

_bearer = HTTPBearer(auto_error=False, description="An API key: `tsk_…`.")


def services(request: Request) -> ApiServices:
    """What the application opened when it started."""
    return cast("ApiServices", request.app.state.services)


Services = Annotated[ApiServices, Depends(services)]


async def caller(request: Request, _: Annotated[object, Depends(_bearer)]) -> Caller:
    """The authenticated caller, set by the middleware (`_` is for the OpenAPI document)."""
    return cast("Caller", request.state.caller)


def _with(scope: Scope) -> Callable[[Caller], Awaitable[str]]:
    async def tenant(who: Annotated[Caller, Depends(caller)]) -> str:
        if not who.may(scope):
            raise Forbidden(f"This API key lacks the scope {scope.value}. Use one that has it, or make one.")
        return who.tenant

    return tenant


# The tenant, once the key has been found to have the scope.
JobsReader = Annotated[str, Depends(_with(Scope.JOBS_READ))]
JobsWriter = Annotated[str, Depends(_with(Scope.JOBS_WRITE))]
FilesReader = Annotated[str, Depends(_with(Scope.FILES_READ))]
FilesWriter = Annotated[str, Depends(_with(Scope.FILES_WRITE))]
WebhooksReader = Annotated[str, Depends(_with(Scope.WEBHOOKS_READ))]
Admin = Annotated[str, Depends(_with(Scope.ADMIN))]
