"""Stores files of this machine with the service, each once: what it has already is not sent again."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Lock

from cli.connection import Connection

BLOCK = 1024**2
Advance = Callable[[int, bool], None]
"""Takes the bytes of a file, and whether they were sent."""


class Stored:
    """The ids of uploads by the digest of their bytes. Used by several threads."""

    def __init__(self, connection: Connection, advance: Advance) -> None:
        self._connection = connection
        self._advance = advance
        self._lock = Lock()
        self._known: dict[str, Future[str]] = {}

    def upload(self, path: Path) -> str:
        """The id of a picture; the same for two files of the same bytes."""
        digest, size = _digest(path)
        with self._lock:
            first = digest not in self._known
            found = self._known.setdefault(digest, Future())
        if first:
            try:
                found.set_result(self._store(path, digest, size))
            except BaseException as error:
                found.set_exception(error)
                raise
        else:
            found.result()
            self._advance(size, False)
        return found.result()

    def _store(self, path: Path, digest: str, size: int) -> str:
        there = self._connection.get("/v1/files", {"sha256": digest, "purpose": "vision", "limit": 1})["data"]
        stored = str(there[0]["id"]) if there else self._connection.upload(path, "vision")
        self._advance(size, not there)
        return stored


def _digest(path: Path) -> tuple[str, int]:
    """SHA-256 in hex, and the size in bytes."""
    found, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
            size += len(block)
    return found.hexdigest(), size
