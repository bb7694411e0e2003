"""Uploads."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from vision.storage.tables.table import Table


class File(Table):
    """An upload; the bytes are in DATA_DIR/files/<id>."""

    __tablename__ = "files"
    __table_args__ = (Index(None, "tenant_id", "id"), Index(None, "tenant_id", "sha256"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    purpose: Mapped[str]
    filename: Mapped[str]
    media_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FileUse(Table):
    """An upload that a job's items name: it stays as long as the job is open."""

    __tablename__ = "file_uses"

    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
