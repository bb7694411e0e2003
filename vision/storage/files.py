"""Uploads: a row, and bytes at `files_dir/<hex of the id>`. The bytes come first, so that a row never lacks them."""

import asyncio
import hashlib
import logging
import os
import stat
import time
from collections.abc import Collection, Sequence
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Uuid, func, insert, literal, select, text
from sqlalchemy import delete as sql_delete
from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Conflict, NotFound, TooLarge
from vision.jobs import ids
from vision.storage.tables import File, FileUse, Job

log = logging.getLogger(__name__)

MAX_BYTES = 2 * 1024**3
FOLDER_MODE, FILE_MODE = 0o700, 0o600
"""Uploads are for the API and the workers alone, which run as one user."""
ABANDONED_SECONDS = 3_600
"""A draft that nobody has written to for so long."""


class IncomingFile:
    """A file being received: bytes go to a temporary name and count against a limit; unkept, they vanish.

    Raises TooLarge while writing, as soon as the limit is passed.
    """

    def __init__(self, files_dir: Path, max_bytes: int = MAX_BYTES) -> None:
        self.id = ids.new()
        self.bytes = 0
        self.path = files_dir / f".{self.id.hex}.part"
        self._final = files_dir / self.id.hex
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()

    async def __aenter__(self) -> Self:
        self._file = await asyncio.to_thread(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    async def write(self, data: bytes) -> None:
        """Append bytes."""
        self.bytes += len(data)
        if self.bytes > self._max_bytes:
            raise TooLarge(f"The upload is larger than {self._max_bytes // 1024**2} MB.", code="file_too_large")
        await asyncio.to_thread(self._append, data)

    async def flush(self) -> None:
        """Make what was written readable at `path`."""
        await asyncio.to_thread(self._file.flush)

    @property
    def sha256(self) -> str:
        """Hash of what was written so far."""
        return self._hash.hexdigest()

    async def keep(self) -> None:
        """Give the bytes their final name, safely on disk; the row is the caller's next step."""
        await asyncio.to_thread(self._settle)

    def _open(self) -> BufferedWriter:
        self.path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        return os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")

    def _append(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)

    def _settle(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self.path.rename(self._final)


async def add(
    connection: AsyncConnection, tenant: str, draft: IncomingFile, *, purpose: str, filename: str, media_type: str
) -> RowMapping:
    """The row of a kept draft."""
    statement = insert(File).values(
        id=draft.id,
        tenant_id=tenant,
        purpose=purpose,
        filename=filename,
        media_type=media_type,
        bytes=draft.bytes,
        sha256=draft.sha256,
    )
    return (await connection.execute(statement.returning(*_COLUMNS))).mappings().one()


async def get(connection: AsyncConnection, tenant: str, file_id: UUID) -> RowMapping:
    """A file's row; NotFound if there is none, or it is another tenant's."""
    statement = select(*_COLUMNS).where(File.tenant_id == tenant, File.id == file_id)
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise _unknown(file_id)
    return row


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
    connection: AsyncConnection, tenant: str, *, limit: int, after: UUID | None, purpose: str | None
) -> Sequence[RowMapping]:
    """Files, newest first, from the one after `after` on (which need not exist any more)."""
    statement = select(*_COLUMNS).where(File.tenant_id == tenant).order_by(File.id.desc()).limit(limit)
    if after:
        statement = statement.where(File.id < after)
    if purpose:
        statement = statement.where(File.purpose == purpose)
    return (await connection.execute(statement)).mappings().all()


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


async def expired(connection: AsyncConnection, days: float, limit: int) -> Sequence[RowMapping]:
    """Files older than that which no job names that is open or ended since: `id` and `tenant_id`."""
    found = await connection.execute(_EXPIRED, {"days": days, "limit": limit})
    return found.mappings().all()


def discard(files_dir: Path, file_id: UUID) -> None:
    """Remove a file's bytes, whose row is gone: which is done, so that nothing is raised any more."""
    try:
        (files_dir / file_id.hex).unlink(missing_ok=True)
    except OSError as error:
        log.warning("The bytes of the deleted file %s could not be removed: %s", file_id.hex, error)


def stored(files_dir: Path, file_id: UUID) -> Path:
    """Where a file's bytes are; NotFound when this server does not have them."""
    path = files_dir / file_id.hex
    if not path.is_file():
        raise NotFound(
            f"The bytes of {ids.public('file', file_id)} are not on this server. All servers need the same DATA_DIR."
        )
    return path


def prepare(files_dir: Path) -> None:
    """Make the folder, closed to others, close one that an earlier version left open, and clear away old drafts."""
    files_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if stat.S_IMODE(files_dir.stat().st_mode) != FOLDER_MODE:
        for path in files_dir.iterdir():
            path.chmod(FILE_MODE)
        files_dir.chmod(FOLDER_MODE)
    drop_drafts(files_dir)


def drop_drafts(files_dir: Path) -> None:
    """Remove what uploads left behind that were cut off with their server."""
    for path in files_dir.glob(".*.part"):
        if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
            path.unlink(missing_ok=True)


_COLUMNS = (
    File.id,
    File.purpose,
    File.filename,
    File.media_type,
    File.bytes,
    File.sha256,
    File.created_at,
)

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
