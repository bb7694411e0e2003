"""Tenants and their keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class Tenant(Table):
    """An account: owns keys, jobs and files."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    webhook_secret: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Table):
    """A key is shown once; only its hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    last4: Mapped[str]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
