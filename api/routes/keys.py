"""API keys, for those who hold an admin key."""

from typing import Literal

from fastapi import APIRouter, Request

from api.bodies import bounded
from api.dependencies import Admin, Services
from api.schemas import KeyBody
from api.views.lists import Listed, Page, page, unix
from vision.jobs import ids
from vision.storage import keys

router = APIRouter(prefix="/v1/keys", tags=["keys"])

BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": KeyBody.model_json_schema()}}},
}


class Key(Listed):
    """An API key; `last4` tells keys apart."""

    object: Literal["key"] = "key"
    name: str
    scopes: list[str]
    last4: str
    created_at: int | None
    revoked_at: int | None


class NewKey(Key):
    """A key that has just been made, with what is sent as `Authorization: Bearer`."""

    secret: str


@router.post("", status_code=201, openapi_extra=BODY)
async def create(request: Request, services: Services, tenant: Admin) -> NewKey:
    """Make a key; `secret` is shown this once."""
    body = await bounded.parsed(request, KeyBody)
    async with services.engine.begin() as connection:
        key, secret = await keys.create(connection, tenant, body.name, body.scopes)
    return NewKey(**dict(_view(key)), secret=secret)


@router.get("")
async def every(services: Services, tenant: Admin) -> Page[Key]:
    """All keys, newest first."""
    async with services.engine.connect() as connection:
        shown = [_view(key) for key in await keys.every(connection, tenant)]
    return page(shown, len(shown), "/v1/keys")


@router.delete("/{key_id}")
async def revoke(key_id: str, services: Services, tenant: Admin) -> Key:
    """Make a key useless from the next request on."""
    async with services.engine.begin() as connection:
        return _view(await keys.revoke(connection, tenant, ids.parse("key", key_id)))


def _view(key: keys.Key) -> Key:
    return Key(
        id=ids.public("key", key.id),
        name=key.name,
        scopes=key.scopes,
        last4=key.last4,
        created_at=unix(key.created_at),
        revoked_at=unix(key.revoked_at),
    )
