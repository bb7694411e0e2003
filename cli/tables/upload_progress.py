"""How an upload goes: a bar on a terminal, a line now and then elsewhere; both on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from cli.tables.figures import count

EVERY_SECONDS = 10.0


class UploadProgress:
    """Counts files and bytes. Used by several threads."""

    def __init__(self, files: int, total: int, bar: Progress | None) -> None:
        self._files, self._total, self._bar = files, total, bar
        self._done = self._bytes = self.there = 0
        self._lock = Lock()
        self._said_at = time.monotonic()
        self._task = bar.add_task("Uploading", total=total, files="") if bar else None

    def advance(self, size: int, sent: bool) -> None:
        """A file is done; `sent` False: the service had it."""
        with self._lock:
            self._done += 1
            self._bytes += size
            self.there += not sent
            if self._bar and self._task is not None:
                self._bar.update(self._task, advance=size, files=self._counted())
            elif time.monotonic() - self._said_at >= EVERY_SECONDS:
                self._said_at = time.monotonic()
                click.echo(
                    f"Uploaded {self._counted()}, {self._bytes / 1e6:,.0f} of {self._total / 1e6:,.0f} MB", err=True
                )

    def _counted(self) -> str:
        return f"{count(self._done)} of {count(self._files)} files"


@contextmanager
def uploading(files: int, total: int) -> Iterator[UploadProgress]:
    """Show it while the block runs; at the end a line says what the service had already."""
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[files]}"), DownloadColumn(),
            TransferSpeedColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=console, transient=True) as bar:
            progress = UploadProgress(files, total, bar)
            yield progress
    else:
        progress = UploadProgress(files, total, None)
        yield progress
    if progress.there:
        click.echo(f"{count(progress.there)} of {count(files)} files were there already.", err=True)
