"""Uploads: a row, and bytes at `files_dir/<hex of the id>`. The bytes come first, so that a row never lacks them."""

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Collection
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Uuid, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vision import ids
from vision.errors import NotFound, TooLarge
from vision.storage.tables import File

MAX_BYTES = 2 * 1024**3
FOLDER_MODE, FILE_MODE = 0o700, 0o600
"""Uploads are for the API and the workers alone, which run as one user."""
ABANDONED_SECONDS = 3_600
"""A draft that nobody has written to for so long."""


class Draft:
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
    connection: AsyncConnection, tenant: str, draft: Draft, *, purpose: str, filename: str, media_type: str
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
        raise NotFound(f"No file has the id {ids.public('file', file_id)!r}.")
    return row


async def missing(connection: AsyncConnection, tenant: str, file_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are not the tenant's files."""
    if not file_ids:
        return set()
    statement = select(File.id).where(
        File.tenant_id == tenant, File.id == func.any(literal(list(file_ids), ARRAY(Uuid)))
    )
    return set(file_ids) - set((await connection.execute(statement)).scalars())


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
