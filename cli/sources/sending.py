"""Makes a job of sources: uploads the files of this machine, then sends all lines in one request.

Estimates are sent the same way, without uploads.
"""

import hashlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import orjson

from cli.connection import Connection
from cli.problems import Locate
from cli.sources import uploads
from cli.sources.paths import Extent, Sources
from cli.sources.stored import Stored
from cli.tables.upload_progress import uploading

Fields = Mapping[str, Any]
BLOCK_BYTES = 256 * 1024
DAY = 86_400
MAX_QUERY_BYTES = 8_000
"""RFC 9110 §4.1: the length that every server and proxy should accept."""


@dataclass(frozen=True)
class Sent:
    """The job object; `earlier`: the same command has made it before."""

    job: dict[str, Any]
    earlier: bool


def send(connection: Connection, sources: Sources, fields: Fields, *, again: bool = False) -> Sent:
    """Check the sources and the fields, upload the pictures that the service does not have, create the job.

    The same job is not made twice within a day, unless `again`.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    extent = sources.check()
    connection.post("/v1/jobs/check", given)
    with tempfile.TemporaryFile() as lines:
        _spool(connection, sources, extent, lines)
        key = None if again else _key(given, lines)
        body, query, key = _request(connection, given, lines, key)
        while True:
            lines.seek(0)
            job, earlier = connection.submit(body or in_blocks(lines), query, key, sources.place)
            if not earlier or key is None or time.time() - job["created_at"] < DAY:
                return Sent(job, earlier)
            key = hashlib.sha256(f"{key} {job['id']}".encode()).hexdigest()


def _request(
    connection: Connection, given: Fields, lines: IO[bytes], key: str | None
) -> tuple[bytes | None, dict[str, str], str | None]:
    """Body, query and key of the request. Fields that are too long for a query go in a body, beside a file of lines."""
    query = in_query(given)
    if len(urlencode(query)) < MAX_QUERY_BYTES:
        return None, query, key
    stored = connection.upload_as("items.jsonl", lines, "manifest")
    return orjson.dumps({**given, "input_file_id": stored}), {}, key and f"{key}-{stored}"


def _key(given: Fields, lines: IO[bytes]) -> str:
    """The same for the same fields and lines; files of the same bytes have the same id in the lines."""
    digest = hashlib.sha256(orjson.dumps(given, option=orjson.OPT_SORT_KEYS))
    lines.seek(0)
    while block := lines.read(BLOCK_BYTES):
        digest.update(block)
    lines.seek(0)
    return digest.hexdigest()


def _spool(connection: Connection, sources: Sources, extent: Extent, lines: IO[bytes]) -> None:
    """Write the job's lines. All uploads are done before the job's request begins."""
    if not extent.uploads:
        lines.writelines(uploads.lines(sources, _no_upload))
        return
    with uploading(extent.uploads, extent.bytes) as progress:
        lines.writelines(uploads.lines(sources, Stored(connection, progress.advance).upload))


def deliver(connection: Connection, path: str, lines: Iterable[bytes], fields: Fields, place: Locate) -> dict[str, Any]:
    """Send items and fields to a route that takes jobs; returns its answer.

    One request: the fields are its query, the lines its body. If the fields are too long for a query (a long prompt),
    the lines are uploaded as a file first, and the fields are the body.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    query = in_query(given)
    if len(urlencode(query)) < MAX_QUERY_BYTES:
        answer: dict[str, Any] = connection.post_lines(path, in_blocks(lines), query, place)
    else:
        answer = connection.post(path, {**given, "input_file_id": _stored(connection, lines)}, place)
    return answer


def _stored(connection: Connection, lines: Iterable[bytes]) -> str:
    """The lines as a file with the service; its id."""
    with tempfile.TemporaryFile() as manifest:
        manifest.writelines(lines)
        manifest.seek(0)
        return connection.upload_as("items.jsonl", manifest, "manifest")


def in_query(fields: Fields) -> dict[str, str]:
    """Texts as they are, lists with commas, all else as JSON."""
    return {name: _in_query(value) for name, value in fields.items()}


def _in_query(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def in_blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Join lines to pieces worth a write each."""
    block, size = [], 0
    for line in lines:
        block.append(line)
        size += len(line)
        if size >= BLOCK_BYTES:
            yield b"".join(block)
            block, size = [], 0
    if block:
        yield b"".join(block)


def _no_upload(path: Path) -> str:
    raise FileNotFoundError(f"{path} was not there when the sources were checked.")
