"""Bytes in an S3 bucket, by `obstore`. Credentials come from the environment, as the AWS tools take them."""

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
from vision.files.store import BytesGone, Content, Entry, Trouble

if TYPE_CHECKING:
    from obstore.store import RetryConfig, S3Config

OPTIONS = {"endpoint", "region", "virtual_hosted_style_request"}
RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
AT_ONCE = 1_000
"""Keys that S3 deletes, or lists, with one request."""


class Bucket:
    """A key for each key, below a prefix."""

    def __init__(self, url: str, spool: Path) -> None:
        self.spool = spool
        self._store = _store(url)

    async def prepare(self) -> None:
        """Make the spool; the bucket must be there."""
        await asyncio.to_thread(self._prepare)

    async def keep(self, key: str, path: Path) -> None:
        """Upload the file, in parts where it is long; it stays for its owner to remove."""
        with _told():
            await obstore.put_async(self._store, key, path)

    async def put(self, key: str, data: bytes) -> None:
        """Upload the bytes."""
        with _told():
            await obstore.put_async(self._store, key, data)

    async def read(self, key: str, most: int) -> Content:
        """The first bytes, by a request for their range; BytesGone."""
        with _told():
            total = (await obstore.head_async(self._store, key))["size"]
            if total == 0:  # of which S3 has no range
                return Content(b"", 0)
            data = await obstore.get_range_async(self._store, key, start=0, end=min(most, total))
            return Content(bytes(data), total)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """As they arrive; BytesGone."""
        with _told():
            async for piece in (await obstore.get_async(self._store, key)).stream():
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
        """With one request for AT_ONCE of them."""
        for start in range(0, len(keys), AT_ONCE):
            with _told():
                await obstore.delete_async(self._store, keys[start : start + AT_ONCE])

    async def page(self, after: str, most: int) -> Sequence[Entry]:
        """As S3 lists them, in the order of their keys."""
        with _told():
            async for found in obstore.list(self._store, offset=after or None, chunk_size=most):
                return [Entry(each["path"], each["last_modified"]) for each in found]
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
def _told() -> Iterator[None]:
    """The library's errors as ours. Its messages name addresses, so they stay out of ours."""
    try:
        yield
    except FileNotFoundError:
        raise BytesGone from None
    except (obstore.exceptions.BaseError, OSError) as error:
        raise Trouble(f"The file store did not answer as it should ({type(error).__name__}).") from error
