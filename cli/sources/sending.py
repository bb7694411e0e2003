"""Makes a job of sources: uploads the files of this machine, then sends all lines in one request.

Estimates are sent the same way, without uploads.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from rich.console import Console
from rich.progress import Progress

from cli.connection import Connection
from cli.problems import Locate
from cli.sources import uploads
from cli.sources.paths import Extent, Sources

Fields = Mapping[str, Any]
BLOCK_BYTES = 256 * 1024
MAX_QUERY_BYTES = 8_000
"""RFC 9110 §4.1: the length that every server and proxy should accept."""


def send(connection: Connection, sources: Sources, fields: Fields) -> dict[str, Any]:
    """Check the sources, upload the pictures among them, create the job; the job object."""
    extent = sources.check()
    with _lines(connection, sources, extent) as lines:
        return deliver(connection, "/v1/jobs", lines, fields, sources.place)


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


@contextmanager
def _lines(connection: Connection, sources: Sources, extent: Extent) -> Iterator[Iterable[bytes]]:
    """The job's lines. All uploads are done before the job's request begins."""
    if not extent.uploads:
        yield uploads.lines(sources, _no_upload)
        return
    with tempfile.TemporaryFile() as spool:
        with _advancing(extent.uploads) as advance:

            def upload(path: Path) -> str:
                stored = connection.upload(path, "vision")
                advance()
                return stored

            spool.writelines(uploads.lines(sources, upload))
        spool.seek(0)
        yield spool


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


@contextmanager
def _advancing(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Uploading", total=total)
        yield lambda: progress.advance(task)
