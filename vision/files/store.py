"""The interface of file stores. Keys are paths such as `<hex of an upload's id>` or `jobs/<hex>/<sha256>`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol


class BytesGone(Exception):
    """Nothing is stored under this key."""


class StoreUnavailable(Exception):
    """The store did not answer, or refused; a later try may succeed. The message names no keys."""


class Content(NamedTuple):
    """The first bytes of an object, and its total number of bytes."""

    data: bytes
    total: int


class StoredObject(NamedTuple):
    """A key, and when its bytes were stored."""

    key: str
    modified: datetime


class Store(Protocol):
    """All methods may raise StoreUnavailable. A key is written once; writing the same bytes again does no harm."""

    spool: Path
    """A folder of this machine for files that are being received."""

    async def prepare(self) -> None:
        """Make what is needed before the first use; remove incomplete files."""

    async def keep(self, key: str, path: Path) -> None:
        """Store the bytes of a file in the spool; the file may be gone afterwards."""

    async def put(self, key: str, data: bytes) -> None:
        """Store these bytes."""

    async def read(self, key: str, most: int) -> Content:
        """The first `most` bytes; BytesGone."""

    def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Bytes [start, stop), or to the end, in pieces; BytesGone at the first one. `start` is below the total."""

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A file of this machine with the same bytes, for as long as the context lasts; BytesGone."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these keys; missing ones are ignored."""

    async def page(self, after: str, most: int) -> Sequence[StoredObject]:
        """The next objects in the order of their keys, after this key; fewer than `most` at the end."""
