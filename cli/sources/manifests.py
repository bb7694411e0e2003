"""Reads manifests: .jsonl (the service's own form), .csv with a header, .txt with an image a line."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cli.problems import Problem
from cli.sources.files import is_file
from vision.jobs.item_fields import MAX_CUSTOM_ID_LENGTH

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})
COLUMNS = frozenset({"custom_id", "image", "images", "width", "height"})
STORED_FILE = re.compile(r"file_[0-9a-f]{32}")


class ManifestEntry(NamedTuple):
    """An item to submit, and where it was read. Images on this machine are `Path`s; `problem` says what is wrong."""

    place: str
    item: dict[str, Any]
    problem: str | None = None


def is_manifest(path: Path) -> bool:
    """Whether the suffix is one of a manifest."""
    return path.suffix.lower() in READERS


def read(path: Path) -> Iterator[ManifestEntry]:
    """The entries of a manifest, one at a time; a bad line is an entry with a problem."""
    rows, parse = READERS[path.suffix.lower()]
    name, folder = str(path), path.parent
    for line, row in rows(path):
        place = f"{name}, line {line}"
        try:
            yield ManifestEntry(place, parse(row, folder))
        except ValueError as error:
            yield ManifestEntry(place, {}, str(error))


def image(text: str, folder: Path) -> str | Path:
    """A URL, data URL or file id as it is; anything else is a file, relative to the manifest's folder.

    Only picture files: a manifest from somebody else must not send other files of this machine.
    """
    if "://" in text or text.startswith("data:") or STORED_FILE.fullmatch(text):
        return text
    path = folder / text
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise ValueError(f"{text[:80]!r} is neither a URL nor a picture file ({_suffixes()}).")
    if not is_file(path):
        raise ValueError(f"There is no file {path}.")
    return path


def named(text: str, source: str | Path) -> dict[str, Any]:
    """An item whose custom_id is the text that names its image, unless that is too long."""
    return {"image": source} | ({"custom_id": text} if len(text) <= MAX_CUSTOM_ID_LENGTH else {})


def _suffixes() -> str:
    return ", ".join(sorted(IMAGE_SUFFIXES))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if text := line.removeprefix(b"\xef\xbb\xbf").strip():
                yield number, text


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey="")
        try:
            for row in reader:
                yield reader.line_num, row
        except (UnicodeDecodeError, csv.Error) as error:
            raise Problem(f"{path} cannot be read after line {reader.line_num}: {error}.") from error


def _from_json(line: bytes, folder: Path) -> dict[str, Any]:
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"Not JSON: {error}.") from None
    if not isinstance(item, dict):
        raise ValueError('Not an object like {"custom_id": "a-1", "image": "https://…"}.')  # noqa: TRY004 - a bad line
    if isinstance(item.get("image"), str):
        item["image"] = image(item["image"], folder)
    if isinstance(item.get("images"), list):
        item["images"] = [image(each, folder) if isinstance(each, str) else each for each in item["images"]]
    return item


def _from_row(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    if "" in row:
        raise ValueError("More cells than the header has columns.")
    cells = {name: text.strip() for name, text in row.items() if text and text.strip()}
    item: dict[str, Any] = {}
    if {"image", "images"} & row.keys():
        named = [cells["image"]] if "image" in cells else re.split(r"[\s|]+", cells.get("images", ""))
        item["images"] = [image(each, folder) for each in named if each]
    elif not row.keys() >= {"width", "height"}:  # which is enough for an estimate
        raise ValueError("The header has no column `image` or `images`.")
    if "custom_id" in cells:
        item["custom_id"] = cells["custom_id"]
    for side in ("width", "height"):
        if side in cells:
            item[side] = _pixels(cells[side], side)
    return item | {"metadata": {name: text for name, text in cells.items() if name not in COLUMNS}}


def _from_text(line: bytes, folder: Path) -> dict[str, Any]:
    text = line.decode()
    return named(text, image(text, folder))


def _pixels(text: str, side: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{side} is {text[:20]!r}, not a whole number of pixels.") from None


READERS: dict[str, tuple[Callable[[Path], Iterator[tuple[int, Any]]], Callable[[Any, Path], dict[str, Any]]]] = {
    ".jsonl": (_lines, _from_json),
    ".ndjson": (_lines, _from_json),
    ".csv": (_rows, _from_row),
    ".txt": (_lines, _from_text),
}
