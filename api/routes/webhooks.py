"""The secret that signs what is sent to a job's `webhook_url`."""

from typing import Any

from fastapi import APIRouter

from api.dependencies import Services, WebhooksReader
from vision.storage import tenants

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.get("/default/secret")
async def secret(services: Services, tenant: WebhooksReader) -> dict[str, Any]:
    """The signing secret (Standard Webhooks), made at first use."""
    async with services.engine.begin() as connection:
        return {"object": "webhook_secret", "secret": await tenants.webhook_secret(connection, tenant)}
