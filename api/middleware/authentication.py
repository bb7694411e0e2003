"""Authenticates each request by its headers, before any of its body is read, on every path."""

import secrets

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.lifespan import ApiServices
from api.middleware.throttle import Throttle
from vision.errors import Throttled, Unauthorized
from vision.storage import keys, tenants
from vision.storage.keys import Caller

PUBLIC = frozenset({"/healthz", "/readyz"})
"""Paths that need no key."""


class Authentication:
    """Middleware; the caller is `request.state.caller`. Unauthorized and Throttled are for the one outside of it.

    Not cached: a revoked key is refused from the next request on.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._throttle = Throttle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass authenticated requests on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and scope["path"] not in PUBLIC:
            scope["state"]["caller"] = await self._caller(scope)
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        scheme, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not (secret := secret.strip()):
            raise Unauthorized
        address = scope["client"][0] if scope.get("client") else ""
        # A key that we made is beyond guessing; one of the operator's own choice may not be.
        if self._throttle.is_shut(address) and not keys.is_ours(secret):
            raise Throttled
        known = await _find(scope["app"].state.services, secret)
        if known is None:
            raise Throttled if self._throttle.count(address) else Unauthorized
        return known


async def _find(services: ApiServices, secret: str) -> Caller | None:
    if secrets.compare_digest(keys.digest(secret), services.admin_key_hash):
        return Caller(tenants.DEFAULT, frozenset({keys.Scope.ADMIN}))
    if keys.is_mistyped(secret):
        return None
    async with services.engine.connect() as connection:
        return await keys.find(connection, secret)
