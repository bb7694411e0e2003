"""A file that is being received."""

import asyncio
import hashlib
import os
from io import BufferedWriter
from types import TracebackType
from typing import Self

from vision.errors import TooLarge
from vision.files.folder import FILE_MODE, FOLDER_MODE
from vision.files.store import Store
from vision.jobs import ids

MAX_BYTES = 2 * 1024**3


class IncomingFile:
    """Writes to a temporary file in the spool, which is removed unless `keep` is called.

    `write` raises TooLarge as soon as the limit is passed.
    """

    def __init__(self, store: Store, max_bytes: int = MAX_BYTES) -> None:
        self.id = ids.new()
        self.bytes = 0
        self.path = store.spool / f".{self.id.hex}.part"
        self._store = store
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
        """Store the bytes permanently; the caller adds the row."""
        await self.flush()
        await self._store.keep(self.id.hex, self.path)

    def _open(self) -> BufferedWriter:
        self.path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        return os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")

    def _append(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)
