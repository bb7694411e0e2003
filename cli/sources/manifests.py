"""Reads manifests: .jsonl (the service's own form, or OpenAI Batch's), tables, .txt with an image a line."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cli.sources import cells
from cli.sources.choice import USUAL, Choice
from cli.sources.columns import Columns
from cli.sources.files import is_file
from cli.sources.kinds import not_sendable
from vision.jobs.item_fields import MAX_CUSTOM_ID_LENGTH

STORED_FILE = re.compile(r"file_[0-9a-f]{32}")


class ManifestEntry(NamedTuple):
    """An item to submit, and where it was read. Images on this machine are `Path`s; `problem` says what is wrong."""

    place: str
    item: dict[str, Any]
    problem: str | None = None


def is_manifest(path: Path) -> bool:
    """Whether the suffix is one of a manifest."""
    return path.suffix.lower() in TABLES | _LINES.keys()


def read(path: Path, choice: Choice = USUAL) -> Iterator[ManifestEntry]:
    """The entries of a manifest, one at a time; a bad line is an entry with a problem."""
    suffix, name, folder = path.suffix.lower(), str(path), path.parent
    found = _table(path, choice) if suffix in TABLES else _parsed(path, _LINES[suffix], folder)
    for line, item in found:
        place = f"{name}, line {line}"
        yield ManifestEntry(place, {}, item) if isinstance(item, str) else ManifestEntry(place, item)


def image(text: str, folder: Path) -> str | Path:
    """A URL, data URL or file id as it is; anything else is a file, relative to the manifest's folder.

    Only picture files: a manifest from somebody else must not send other files of this machine.
    """
    if "://" in text or text[:5].lower() == "data:" or STORED_FILE.fullmatch(text):
        return text
    path = folder / text
    if not is_file(path):
        raise ValueError(f"There is no file {path}.")
    if reason := not_sendable(path):
        raise ValueError(f"{text[:80]!r} is neither a URL nor a picture that can be sent: {reason}")
    return path


def named(text: str, source: str | Path) -> dict[str, Any]:
    """An item whose custom_id is the text that names its image, unless that is too long."""
    return {"image": source} | ({"custom_id": text} if len(text) <= MAX_CUSTOM_ID_LENGTH else {})


def _parsed(
    path: Path, parse: Callable[[bytes, Path], dict[str, Any]], folder: Path
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for line, text in _lines(path):
        try:
            yield line, parse(text, folder)
        except ValueError as error:
            yield line, str(error)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if text := line.removeprefix(b"\xef\xbb\xbf").strip():
                yield number, text


def _table(path: Path, choice: Choice) -> Iterator[tuple[int, dict[str, Any] | str]]:
    rows = cells.read(path)
    _, header = next(rows, (1, []))
    columns = Columns(header, choice, path)
    yield from columns.items(rows, lambda text: image(text, path.parent))


def _from_json(line: bytes, folder: Path) -> dict[str, Any]:
    try:
        item: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"Not JSON: {error}.") from None
    if not isinstance(item, dict):
        raise ValueError('Not an object like {"custom_id": "a-1", "image": "https://…"}.')  # noqa: TRY004 - a bad line
    if isinstance(item.get("body"), dict):
        item = _of_batch(item)
    if isinstance(item.get("image"), str):
        item["image"] = image(item["image"], folder)
    if isinstance(item.get("images"), list):
        item["images"] = [image(each, folder) if isinstance(each, str) else each for each in item["images"]]
    return dict(item)


def _of_batch(line: dict[str, Any]) -> dict[str, Any]:
    """The images of a line of OpenAI's Batch API; what it asks of them is said to the command instead."""
    body = line["body"]
    messages = body.get("messages") or body.get("input") or []
    if not isinstance(messages, list):
        raise ValueError("body: its messages are not a list.")  # noqa: TRY004 - a bad line
    content = [message.get("content") for message in messages if isinstance(message, dict)]
    parts = [part for each in content if isinstance(each, list) for part in each if isinstance(part, dict)]
    urls = [part["image_url"] for part in parts if part.get("type") in ("image_url", "input_image")]
    images = [url.get("url") if isinstance(url, dict) else url for url in urls]
    if not images:
        raise ValueError("body: its messages hold no image.")
    return {"custom_id": line["custom_id"], "images": images} if "custom_id" in line else {"images": images}


def _from_text(line: bytes, folder: Path) -> dict[str, Any]:
    text = line.decode()
    return named(text, image(text, folder))


TABLES = frozenset({".csv", ".tsv", *cells.EXCEL})
_LINES: dict[str, Callable[[bytes, Path], dict[str, Any]]] = {
    ".jsonl": _from_json,
    ".ndjson": _from_json,
    ".txt": _from_text,
}
