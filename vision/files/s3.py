"""A store in an S3 bucket, by `obstore`. Credentials come from the environment variables of the AWS tools."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.store import S3Store

from vision.errors import ConfigurationError
from vision.files.folder import FILE_MODE, FOLDER_MODE, drop_parts
from vision.files.store import BytesGone, Content, StoredObject, StoreUnavailable

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import RetryConfig, S3Config

OPTIONS = {"endpoint", "region", "virtual_hosted_style_request"}
RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
AT_ONCE = 1_000
"""Keys that S3 deletes or lists in one request."""


class Bucket:
    """An S3 object for each key, below a prefix."""

    def __init__(self, url: str, spool: Path) -> None:
        self.spool = spool
        self._store = _store(url)

    async def prepare(self) -> None:
        """Make the spool; the bucket must be there."""
        await asyncio.to_thread(self._prepare)

    async def keep(self, key: str, path: Path) -> None:
        """Upload the file, a long one in parts; the caller removes it."""
        with _own_errors():
            await obstore.put_async(self._store, key, path)

    async def put(self, key: str, data: bytes) -> None:
        """Upload the bytes."""
        with _own_errors():
            await obstore.put_async(self._store, key, data)

    async def read(self, key: str, most: int) -> Content:
        """The first bytes, by a request for their range; BytesGone."""
        with _own_errors():
            try:
                found = await obstore.get_async(self._store, key, options={"range": (0, most)})
            except FileNotFoundError:
                raise
            except obstore.exceptions.BaseError:
                if (await obstore.head_async(self._store, key))["size"]:
                    raise
                return Content(b"", 0)  # S3 has no range of an empty object
            return Content(bytes(await found.bytes_async()), found.meta["size"])

    async def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Pieces as they arrive; BytesGone."""
        part: GetOptions = {"range": {"offset": start} if stop is None else (start, stop)} if start or stop else {}
        with _own_errors():
            async for piece in (await obstore.get_async(self._store, key, options=part)).stream():
                yield bytes(piece)

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """A copy in the spool; BytesGone."""
        path = self.spool / f".{token_hex(16)}.part"
        try:
            path.touch(FILE_MODE)
            with path.open("wb") as file:
                async for piece in self.stream(key):
                    await asyncio.to_thread(file.write, piece)
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete AT_ONCE keys with each request."""
        for start in range(0, len(keys), AT_ONCE):
            with _own_errors():
                await obstore.delete_async(self._store, keys[start : start + AT_ONCE])

    async def page(self, after: str, most: int) -> Sequence[StoredObject]:
        """Objects in the order of their keys."""
        with _own_errors():
            async for found in obstore.list(self._store, offset=after or None, chunk_size=most):
                return [StoredObject(each["path"], each["last_modified"]) for each in found]
        return []

    def _prepare(self) -> None:
        self.spool.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        drop_parts(self.spool)


def _store(url: str) -> S3Store:
    """`s3://bucket/prefix?endpoint=http://host:9000&region=eu-central-1`; ConfigurationError."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if not parts.hostname or parts.username or parts.password:
        raise ConfigurationError(
            "TESSERA_FILES_URL is s3://bucket/prefix; the key and its secret belong into AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        )
    if unknown := options.keys() - OPTIONS:
        raise ConfigurationError(
            f"TESSERA_FILES_URL has no option {', '.join(sorted(unknown))}; there are {', '.join(sorted(OPTIONS))}."
        )
    config = cast("S3Config", {"region": "us-east-1", "virtual_hosted_style_request": "false", **options})
    plain = options.get("endpoint", "").startswith("http://")
    return S3Store(
        parts.hostname,
        prefix=parts.path.strip("/") or None,
        config=config,
        client_options={"allow_http": plain},
        retry_config=RETRY,
    )


@contextmanager
def _own_errors() -> Iterator[None]:
    """Turn the library's errors into ours, without its messages, which contain addresses."""
    try:
        yield
    except FileNotFoundError:
        raise BytesGone from None
    except (obstore.exceptions.BaseError, OSError) as error:
        raise StoreUnavailable(f"The file store did not answer as it should ({type(error).__name__}).") from error
