"""The SOURCE arguments of a command: files, folders, URLs and manifests, in any mixture."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import orjson

from cli.problems import SHOWN, Problem
from cli.sources import manifests
from cli.sources.choice import USUAL, Choice
from cli.sources.files import is_file, is_folder
from cli.sources.kinds import not_sendable
from cli.sources.manifests import STORED_FILE, ManifestEntry
from vision.errors import InvalidRequest
from vision.jobs.manifest import read_line

PLACEHOLDER = "file_" + "0" * 32


@dataclass(frozen=True)
class Extent:
    """Number of items, and of pictures on this machine to upload, with their bytes."""

    items: int
    uploads: int
    bytes: int = 0


class Sources:
    """The items of a future job; can be iterated again, and keeps none in memory."""

    def __init__(self, names: Sequence[str], choice: Choice = USUAL) -> None:
        self._names = names
        self._choice = choice
        self.left_out: dict[str, str] = {}
        """Files in folders that are no pictures that can be sent, and why."""

    def __iter__(self) -> Iterator[ManifestEntry]:
        seen: set[Path] = set()
        for name in self._names:
            for entry in self._entries(name):
                image = entry.item.get("image")
                if isinstance(image, Path) and not manifests.is_manifest(Path(name)):
                    real = image.resolve()
                    if real in seen:  # named twice, as in `photos photos/cat.jpg`
                        continue
                    seen.add(real)
                yield entry

    def _entries(self, name: str) -> Iterator[ManifestEntry]:
        path = Path(name)
        if "://" in name or STORED_FILE.fullmatch(name):
            yield ManifestEntry(name, manifests.named(name, name))
        elif is_folder(path):
            yield from self._folder(path)
        elif not is_file(path):
            raise click.BadParameter(f"There is no file or folder {name!r}.", param_hint="SOURCE")
        elif manifests.is_manifest(path):
            yield from manifests.read(path, self._choice)
        elif reason := not_sendable(path):
            problem = f"It is neither a picture nor a manifest (.jsonl, .csv, .tsv, .xlsx, .txt). {reason}"
            yield ManifestEntry(name, {}, problem)
        else:
            yield _picture(path, path)

    def _folder(self, folder: Path) -> Iterator[ManifestEntry]:
        """The pictures below a folder, in the order of their names; hidden files are passed over."""
        for directory, below, files in os.walk(folder):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(files):
                path = Path(directory, name)
                if name.startswith("."):
                    continue
                if reason := not_sendable(path):
                    self.left_out[str(path)] = reason
                else:
                    yield _picture(path, folder)

    def check(self) -> Extent:
        """Check all items before anything is sent; Problem lists what is wrong, with line numbers."""
        items = uploads = size = 0
        problems: list[str] = []
        for items, entry in enumerate(self, start=1):
            pictures = local_images(entry.item)
            uploads += len(pictures)
            size += sum(path.stat().st_size for path in pictures)
            if problem := entry.problem or fault(entry.item, items):
                problems.append(f"{entry.place}: {problem}")
            if len(problems) > SHOWN:
                break
        if problems:
            raise Problem("Nothing was sent, because some of it cannot be used:", details=problems)
        if not items:
            raise Problem("There is nothing to submit: the sources hold no images.", details=self.skipped())
        return Extent(items, uploads, size)

    def skipped(self) -> list[str]:
        """Each file that was left out, and why."""
        return [f"{name}: {reason}" for name, reason in self.left_out.items()]

    def place(self, number: int) -> str:
        """Where the item with this number (from 1) was read."""
        entry = next(islice(self, number - 1, None), None)
        return entry.place if entry else f"item {number}"


def local_images(item: dict[str, Any]) -> list[Path]:
    """The pictures of an item that are files on this machine."""
    images = item.get("images")
    named = (item.get("image"), *images) if isinstance(images, list) else (item.get("image"),)
    return [each for each in named if isinstance(each, Path)]


def fault(item: dict[str, Any], number: int) -> str | None:
    """The error that the service would report for an item, by the same code; None if there is none."""
    try:
        read_line(orjson.dumps(item, default=lambda _: PLACEHOLDER), number)
    except InvalidRequest as error:
        return error.message.removeprefix(f"Line {number}: ")
    return None


def _picture(path: Path, named: Path) -> ManifestEntry:
    """A picture file; its custom_id is its path as written, or from the named folder on if that is absolute."""
    written = path.relative_to(named.parent) if named.is_absolute() or ".." in named.parts else path
    return ManifestEntry(str(path), {"custom_id": written.as_posix(), "image": path})
