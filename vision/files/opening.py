"""Opens the store that a setting names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from vision.errors import ConfigurationError
from vision.files.folder import Folder
from vision.files.store import Store


def open_store(url: str | None, data_dir: Path) -> Store:
    """Open the store that TESSERA_FILES_URL names; DATA_DIR/files if it is None. ConfigurationError."""
    spool = data_dir / "files"
    if url is None:
        return Folder(spool)
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return Folder(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        from vision.files.s3 import Bucket  # noqa: PLC0415 - loads its library only where it is used

        return Bucket(url, spool)
    raise ConfigurationError("TESSERA_FILES_URL is file:///folder or s3://bucket/prefix?endpoint=https://host.")
