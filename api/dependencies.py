"""What routes ask for: the resources, and a caller whose key has the scope."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.resources import Resources
from vision.errors import Forbidden, Unauthorized
from vision.storage import keys, tenants
from vision.storage.keys import Caller, Scope

_bearer = HTTPBearer(auto_error=False, description="An API key: `tsk_…`.")


def resources(request: Request) -> Resources:
    """What the application opened when it started."""
    return cast("Resources", request.app.state.resources)


Opened = Annotated[Resources, Depends(resources)]


async def caller(opened: Opened, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """Who sends the request. Not cached: a revoked key is refused from the next request on."""
    if sent is None:
        raise Unauthorized
    secret = sent.credentials
    if secrets.compare_digest(keys.digest(secret), opened.admin_key_hash):
        return Caller(tenants.DEFAULT, frozenset({Scope.ADMIN}))
    if keys.is_mistyped(secret):
        raise Unauthorized
    async with opened.engine.connect() as connection:
        known = await keys.find(connection, secret)
    if known is None:
        raise Unauthorized
    return known


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
Admin = Annotated[str, Depends(_with(Scope.ADMIN))]
