"""`tessera results`: a job's results."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from cli.connection import connect
from cli.problems import Problem

FORMATS = ("jsonl", "csv", "parquet")


@click.command()
@click.argument("job")
@click.option(
    "--format",
    "written_as",
    type=click.Choice(FORMATS),
    help="The form of the results. Without it the suffix of --output tells, else jsonl.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, once all is there."
)
def command(job: str, written_as: str | None, output: Path | None) -> None:
    """Write the results of JOB, one line per item.

    They are complete once the job has ended; before that, what is there so far. With --output the file appears
    only when everything has been received.
    """
    chosen = written_as or _by_suffix(output)
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal: add -o FILE.")
    with connect() as connection, connection.stream(f"/v1/jobs/{job}/results", {"format": chosen}) as pieces:
        if output is None:
            _print(pieces)
        else:
            _write(pieces, output)


def _by_suffix(output: Path | None) -> str:
    suffix = output.suffix.lower().removeprefix(".") if output else ""
    return suffix if suffix in FORMATS else "jsonl"


def _print(pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _write(pieces: Iterable[bytes], output: Path) -> None:
    """Write a temporary file beside it first, so that an old file stays until the new one is complete."""
    draft = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            file.writelines(pieces)
        draft.replace(output)
    except OSError as error:
        raise Problem(f"{output} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
