"""From sources to a job: upload what is on this machine, then send all lines in one request."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from rich.console import Console
from rich.progress import Progress

from cli import uploads
from cli.connection import Connection
from cli.sources import Extent, Sources

Fields = Mapping[str, Any]
BLOCK_BYTES = 256 * 1024
MAX_QUERY_BYTES = 8_000
"""RFC 9110 §4.1: what every server and proxy on the way should take."""


def send(connection: Connection, sources: Sources, fields: Fields) -> dict[str, Any]:
    """Check the sources, upload the pictures among them, create the job; the job object."""
    extent = sources.check()
    given = {name: value for name, value in fields.items() if value is not None}
    with _lines(connection, sources, extent) as lines:
        create = _by_lines if len(urlencode(in_query(given))) < MAX_QUERY_BYTES else _by_file
        return create(connection, lines, given, sources)


def _by_lines(connection: Connection, lines: Iterable[bytes], fields: Fields, sources: Sources) -> dict[str, Any]:
    """One request, its body the lines as they come, the job's fields in its query."""
    job: dict[str, Any] = connection.post_lines("/v1/jobs", in_blocks(lines), in_query(fields), sources.place)
    return job


def _by_file(connection: Connection, lines: Iterable[bytes], fields: Fields, sources: Sources) -> dict[str, Any]:
    """For fields that are too long for a query: the lines as a stored file, then the fields as JSON."""
    with tempfile.TemporaryFile() as manifest:
        manifest.writelines(lines)
        manifest.seek(0)
        stored = connection.upload_as("items.jsonl", manifest, "manifest")
    job: dict[str, Any] = connection.post("/v1/jobs", {**fields, "input_file_id": stored}, sources.place)
    return job


def in_query(fields: Fields) -> dict[str, str]:
    """Scalars as they are, objects as JSON."""
    return {name: orjson.dumps(v).decode() if isinstance(v, dict) else str(v) for name, v in fields.items()}


@contextmanager
def _lines(connection: Connection, sources: Sources, extent: Extent) -> Iterator[Iterable[bytes]]:
    """The job's lines. Uploads end before the job's request begins: it is short, and fails as a whole."""
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
