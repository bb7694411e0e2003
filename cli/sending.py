"""From sources to a job: upload what is on this machine, then send all lines in one request."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from cli import uploads
from cli.connection import Connection, Parameters
from cli.sources import Extent, Sources

BLOCK_BYTES = 256 * 1024


def send(connection: Connection, sources: Sources, fields: Parameters) -> dict[str, Any]:
    """Check the sources, upload the pictures among them, create the job; the job object."""
    extent = sources.check()
    with _lines(connection, sources, extent) as lines:
        body = in_blocks(lines)
        job: dict[str, Any] = connection.post_lines("/v1/jobs", body, fields, sources.place)
    return job


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
