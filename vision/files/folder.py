"""A store in a folder of this machine, or of a file system that all machines share."""

import asyncio
import contextlib
import os
import secrets
import stat
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from vision.files.store import BytesGone, Content, StoredObject

FOLDER_MODE, FILE_MODE = 0o700, 0o600
"""For the API and the workers alone, which run as one user."""
ABANDONED_SECONDS = 3_600
"""An incomplete file is removed after so long without a write."""
PIECE = 1 << 18


class Folder:
    """A file for each key, written under a temporary name first, so that none is incomplete."""

    def __init__(self, path: Path) -> None:
        self.spool = path

    async def prepare(self) -> None:
        """Make the folder, for this user alone; correct the modes that an earlier version set."""
        await asyncio.to_thread(self._prepare)

    async def keep(self, key: str, path: Path) -> None:
        """Flush the file to disk, and rename it to its key."""
        await asyncio.to_thread(self._settle, key, path)

    async def put(self, key: str, data: bytes) -> None:
        """Write the bytes to the disk."""
        await asyncio.to_thread(self._put, key, data)

    async def read(self, key: str, most: int) -> Content:
        """The first bytes; BytesGone."""
        return await asyncio.to_thread(self._read, key, most)

    async def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Pieces of PIECE bytes; BytesGone."""
        async with self.local(key) as path:
            file = await asyncio.to_thread(path.open, "rb")
            try:
                file.seek(start)
                while piece := await asyncio.to_thread(file.read, _next(file.tell(), stop)):
                    yield piece
            finally:
                file.close()

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """The file itself; BytesGone."""
        path = self.spool / key
        if not await asyncio.to_thread(path.is_file):
            raise BytesGone(key)
        yield path

    async def delete(self, keys: Sequence[str]) -> None:
        """Unlink the files, and folders of jobs that become empty."""
        await asyncio.to_thread(self._delete, keys)

    async def page(self, after: str, most: int) -> Sequence[StoredObject]:
        """Objects in the order of their keys, without files that are being received."""
        return await asyncio.to_thread(lambda: list(islice(self._entries(after), most)))

    def _prepare(self) -> None:
        self.spool.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if stat.S_IMODE(self.spool.stat().st_mode) != FOLDER_MODE:
            for path in self.spool.iterdir():
                path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
            self.spool.chmod(FOLDER_MODE)
        drop_parts(self.spool)

    def _put(self, key: str, data: bytes) -> None:
        part = self.spool / f".{secrets.token_hex(16)}.part"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            file.write(data)
        self._settle(key, part)

    def _settle(self, key: str, part: Path) -> None:
        with part.open("rb") as file:
            os.fsync(file.fileno())
        path = self.spool / key
        for folder in reversed(path.relative_to(self.spool).parents[:-1]):
            (self.spool / folder).mkdir(mode=FOLDER_MODE, exist_ok=True)
        part.rename(path)

    def _read(self, key: str, most: int) -> Content:
        try:
            with (self.spool / key).open("rb") as file:
                return Content(file.read(most), os.fstat(file.fileno()).st_size)
        except OSError:
            raise BytesGone(key) from None

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            path = self.spool / key
            path.unlink(missing_ok=True)
            if path.parent != self.spool:
                with contextlib.suppress(OSError):  # not empty, or gone already
                    path.parent.rmdir()

    def _entries(self, after: str, folder: str = "") -> Iterator[StoredObject]:
        with os.scandir(self.spool / folder) as found:
            names = sorted(f"{each.name}/" if each.is_dir() else each.name for each in found)
        for key in (f"{folder}{name}" for name in names if not name.startswith(".")):
            if key.endswith("/"):
                if key > after or after.startswith(key):
                    yield from self._entries(after, key)
            elif key > after:
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    yield StoredObject(key, datetime.fromtimestamp((self.spool / key).stat().st_mtime, UTC))


def _next(position: int, stop: int | None) -> int:
    return PIECE if stop is None else min(PIECE, stop - position)


def drop_parts(spool: Path) -> None:
    """Remove incomplete files of servers that are gone."""
    for path in spool.glob(".*.part"):
        if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
            path.unlink(missing_ok=True)
