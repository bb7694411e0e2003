"""One `tessera up` per data directory. The servers inherit the lock and keep it if they outlive this process."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from embedded.data_dir.folders import unusable
from vision.errors import Conflict


class DataLock:
    """A lock on DATA_DIR/lock; waits a little for the servers of a supervisor that was killed."""

    def __init__(self, data_dir: Path, patience_seconds: float = 15) -> None:
        self._path = data_dir / "lock"
        self._patience = patience_seconds
        self.descriptor = -1

    def __enter__(self) -> Self:
        try:
            self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(self._path.parent, error) from None
        deadline = time.monotonic() + self._patience
        while not self._taken():
            holder = self._holder()
            if _lives(holder) or time.monotonic() > deadline:
                os.close(self.descriptor)
                raise self._conflict(holder)
            time.sleep(0.05)
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, str(os.getpid()).encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> int:
        return int(os.pread(self.descriptor, 20, 0) or 0)

    def _conflict(self, holder: int) -> Conflict:
        return Conflict(
            f"{self._path.parent} is in use by another `tessera up` (process {holder}) or by servers that it left. "
            "Stop that one, or choose another TESSERA_DATA_DIR.",
            code="data_dir_in_use",
        )


def _lives(pid: int) -> bool:
    """Whether another process has this number. Our own number may be that of an earlier process."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
