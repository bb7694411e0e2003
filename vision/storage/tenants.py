"""Tenants: rows appear when they are first needed."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.outbound import webhooks
from vision.storage.tables import Tenant

DEFAULT = "default"


async def webhook_secret(connection: AsyncConnection, tenant: str) -> str:
    """The tenant's signing secret (`whsec_…`), made at first use."""
    row = insert(Tenant).values(id=tenant, webhook_secret=webhooks.new_secret()).on_conflict_do_nothing()
    await connection.execute(row)
    return (await connection.execute(select(Tenant.webhook_secret).where(Tenant.id == tenant))).scalar_one()
