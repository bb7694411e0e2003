"""The secret that signs what is sent to a job's `webhook_url`."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.dependencies import Services, WebhooksReader
from vision.storage import tenants

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


class WebhookSecret(BaseModel):
    """What receivers check signatures with (`whsec_…`)."""

    object: Literal["webhook_secret"] = "webhook_secret"
    secret: str


@router.get("/default/secret")
async def secret(services: Services, tenant: WebhooksReader) -> WebhookSecret:
    """The signing secret (Standard Webhooks), made at first use."""
    async with services.engine.begin() as connection:
        return WebhookSecret(secret=await tenants.webhook_secret(connection, tenant))
