"""The rows of uploads. Their bytes are in the file store under the hex of the id, and are stored first."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, func, insert, literal, select, text
from sqlalchemy import delete as sql_delete
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Conflict, NotFound
from vision.files import IncomingFile
from vision.jobs import ids
from vision.storage.tables import File, FileUse, Job


@dataclass(frozen=True, slots=True)
class FileReport:
    """An upload; `bytes` is its size, `sha256` in hex."""

    id: UUID
    tenant_id: str
    purpose: str
    filename: str
    media_type: str
    bytes: int
    sha256: str
    created_at: datetime


_COLUMNS = (
    File.id,
    File.tenant_id,
    File.purpose,
    File.filename,
    File.media_type,
    File.bytes,
    File.sha256,
    File.created_at,
)


async def add(
    connection: AsyncConnection, tenant: str, draft: IncomingFile, *, purpose: str, filename: str, media_type: str
) -> FileReport:
    """Write the row of a kept draft."""
    statement = insert(File).values(
        id=draft.id,
        tenant_id=tenant,
        purpose=purpose,
        filename=filename,
        media_type=media_type,
        bytes=draft.bytes,
        sha256=draft.sha256,
    )
    return FileReport(**(await connection.execute(statement.returning(*_COLUMNS))).mappings().one())


async def get(connection: AsyncConnection, tenant: str, file_id: UUID) -> FileReport:
    """A file; NotFound if there is none, or it is another tenant's."""
    statement = select(*_COLUMNS).where(File.tenant_id == tenant, File.id == file_id)
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise _unknown(file_id)
    return FileReport(*row)


async def missing(connection: AsyncConnection, tenant: str, file_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are not the tenant's files."""
    if not file_ids:
        return set()
    statement = select(File.id).where(
        File.tenant_id == tenant, File.id == func.any(literal(list(file_ids), ARRAY(Uuid)))
    )
    return set(file_ids) - set((await connection.execute(statement)).scalars())


async def use(connection: AsyncConnection, tenant: str, job_id: UUID, file_ids: Collection[UUID]) -> None:
    """Note that a job's items name these files; until the transaction ends, nobody deletes one of them.

    Before `missing`, which then tells of those that had been deleted already.
    """
    if file_ids:
        values = {"tenant": tenant, "job_id": job_id, "file_ids": list(file_ids)}
        await connection.execute(_USE, values)


async def page(
    connection: AsyncConnection,
    tenant: str,
    *,
    limit: int,
    after: UUID | None,
    purpose: str | None,
    sha256: str | None = None,
) -> list[FileReport]:
    """Files, newest first, from the one after `after` on (which need not exist any more)."""
    statement = select(*_COLUMNS).where(File.tenant_id == tenant).order_by(File.id.desc()).limit(limit)
    if after:
        statement = statement.where(File.id < after)
    if purpose:
        statement = statement.where(File.purpose == purpose)
    if sha256:
        statement = statement.where(File.sha256 == sha256)
    return [FileReport(*row) for row in await connection.execute(statement)]


async def delete(connection: AsyncConnection, tenant: str, file_id: UUID) -> None:
    """Remove a file's row; the bytes are the caller's next step after the commit.

    NotFound; Conflict `file_in_use` while a job that is not over names it.
    """
    mine = File.tenant_id == tenant, File.id == file_id
    # Whoever takes a job in that names it holds the row: its use is seen once the lock is here.
    if (await connection.execute(select(File.id).where(*mine).with_for_update())).one_or_none() is None:
        raise _unknown(file_id)
    used = select(Job.id).join(FileUse, FileUse.job_id == Job.id)
    used = used.where(FileUse.file_id == file_id, Job.finished_at.is_(None)).limit(1)
    if job_id := (await connection.execute(used)).scalar_one_or_none():
        raise Conflict(
            f"{ids.public('job', job_id)} needs this file. Cancel the job, or wait until it is over.",
            code="file_in_use",
        )
    await connection.execute(sql_delete(FileUse).where(FileUse.file_id == file_id))
    await connection.execute(sql_delete(File).where(*mine))


async def expired(connection: AsyncConnection, days: float, limit: int) -> list[tuple[str, UUID]]:
    """Tenant and id of files older than that which no job names that is open or ended since."""
    found = await connection.execute(_EXPIRED, {"days": days, "limit": limit})
    return [(row.tenant_id, row.id) for row in found]


async def owned(connection: AsyncConnection, file_ids: Collection[UUID], job_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are an upload's or a job's, whichever tenant's."""
    values = {"file_ids": list(file_ids), "job_ids": list(job_ids)}
    return set((await connection.execute(_OWNED, values)).scalars())


_OWNED = text("""
    SELECT id FROM files WHERE id = ANY(CAST(:file_ids AS uuid[]))
    UNION ALL SELECT id FROM jobs WHERE id = ANY(CAST(:job_ids AS uuid[]))
""")

_USE = text("""
    INSERT INTO file_uses (file_id, job_id, tenant_id)
    SELECT id, :job_id, tenant_id FROM files
    WHERE tenant_id = :tenant AND id = ANY(CAST(:file_ids AS uuid[])) ORDER BY id FOR KEY SHARE
    ON CONFLICT DO NOTHING
""")

_EXPIRED = text("""
    SELECT f.id, f.tenant_id FROM files f
    WHERE f.created_at < now() - :days * interval '1 day' AND NOT EXISTS (
        SELECT 1 FROM file_uses u JOIN jobs j ON j.id = u.job_id
        WHERE u.file_id = f.id AND (j.finished_at IS NULL OR j.finished_at > now() - :days * interval '1 day'))
    ORDER BY f.id LIMIT :limit
""")


def _unknown(file_id: UUID) -> NotFound:
    return NotFound(f"No file has the id {ids.public('file', file_id)!r}.")
