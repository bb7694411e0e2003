"""API keys, for those who hold an admin key."""

from typing import Any

from fastapi import APIRouter, Request

from api.bodies import bounded
from api.dependencies import Admin, Services
from api.schemas import KeyBody
from api.views import Row, page, unix
from vision.jobs import ids
from vision.storage import keys

router = APIRouter(prefix="/v1/keys", tags=["keys"])

BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": KeyBody.model_json_schema()}}},
}


@router.post("", status_code=201, openapi_extra=BODY)
async def create(request: Request, services: Services, tenant: Admin) -> dict[str, Any]:
    """Make a key; `secret` is shown this once."""
    body = await bounded.parsed(request, KeyBody)
    async with services.engine.begin() as connection:
        row, secret = await keys.create(connection, tenant, body.name, body.scopes)
    return _view(row) | {"secret": secret}


@router.get("")
async def every(services: Services, tenant: Admin) -> dict[str, Any]:
    """All keys, newest first."""
    async with services.engine.connect() as connection:
        shown = [_view(row) for row in await keys.every(connection, tenant)]
    return page(shown, len(shown), "/v1/keys")


@router.delete("/{key_id}")
async def revoke(key_id: str, services: Services, tenant: Admin) -> dict[str, Any]:
    """Make a key useless from the next request on."""
    async with services.engine.begin() as connection:
        return _view(await keys.revoke(connection, tenant, ids.parse("key", key_id)))


def _view(row: Row) -> dict[str, Any]:
    return {
        "id": ids.public("key", row["id"]),
        "object": "key",
        "name": row["name"],
        "scopes": row["scopes"],
        "last4": row["last4"],
        "created_at": unix(row["created_at"]),
        "revoked_at": unix(row["revoked_at"]),
    }
