"""The user that the servers run as. PostgreSQL refuses root, so under root they run as nobody."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534


@dataclass(frozen=True)
class Account:
    """A user of the operating system; without a uid: ourselves."""

    uid: int | None = None
    gid: int | None = None

    def may_enter(self, folder: Path) -> bool:
        """Whether this user can enter a folder, by the mode bits of it and of all its parents that exist."""
        path = folder.resolve()
        return all(self._passes(each) for each in (path, *path.parents) if each.exists())

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def _passes(self, folder: Path) -> bool:
        if self.uid is None:
            return os.access(folder, os.X_OK)
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def account_for(data: Path) -> Account:
    """The current user; under root the owner of existing data (made before `sudo`), or else nobody."""
    if os.geteuid() != 0:
        return Account()
    if data.exists() and (status := data.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    return Account(NOBODY, NOBODY)
