"""Parses items as callers send them: one JSON object each, a line of a manifest or an entry of `items`.

For an estimate an item may have sizes instead of images: `read_sizes_line`, `read_sizes`.
"""

from dataclasses import dataclass

import orjson

from vision.errors import Detail, InvalidRequest
from vision.jobs.item_fields import ItemProblem, check_custom_id, check_images, check_metadata, check_size, check_sizes
from vision.jobs.untrusted import MAX_VALUES, has_too_many_values

MAX_LINE_BYTES = 30_000_000
"""A line may carry images as data URLs; the largest image is 20 MB, which is 26.7 MB in base64."""

FIELDS = frozenset({"custom_id", "image", "images", "metadata", "width", "height"})
_NO_IMAGE = frozenset({"image", "images", "width", "height"})
_PLACEHOLDER = "file_" + "0" * 32
"""An image for items that have none, so that the rest of the item can be parsed like any other."""
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class ItemOrder:
    """One item as sent; width and height are those of the first image, in pixels."""

    custom_id: str
    images: list[str]
    metadata: dict[str, object] | None = None
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class ItemSizes:
    """One item of an estimate: its images, and the sizes of all of them if declared (w, h, w, h … in pixels).

    `images` is empty where sizes are declared instead.
    """

    images: list[str]
    sizes: tuple[int, ...] | None


def read_line(raw: bytes, line: int) -> ItemOrder:
    """One line of an NDJSON manifest, counted from 1; InvalidRequest `invalid_manifest_line`."""
    try:
        return _item(_parse(raw, line), line)
    except ItemProblem as problem:
        raise _refusal(problem, line, f"Line {line}") from None


def read_item(value: object, line: int) -> ItemOrder:
    """One entry of a job's `items`, counted from 1; InvalidRequest `invalid_manifest_line`."""
    try:
        return _item(value, line)
    except ItemProblem as problem:
        raise _refusal(problem, line, f"Item {line}") from None


def read_sizes_line(raw: bytes, line: int) -> ItemSizes:
    """One line of a manifest that is only estimated; InvalidRequest `invalid_manifest_line`."""
    try:
        return _item_sizes(_parse(raw, line), line)
    except ItemProblem as problem:
        raise _refusal(problem, line, f"Line {line}") from None


def read_sizes(value: object, line: int) -> ItemSizes:
    """One entry of `items` that are only estimated; InvalidRequest `invalid_manifest_line`."""
    try:
        return _item_sizes(value, line)
    except ItemProblem as problem:
        raise _refusal(problem, line, f"Item {line}") from None


def _parse(raw: bytes, line: int) -> object:
    if line == 1:
        raw = raw.removeprefix(_BOM)
    if has_too_many_values(raw):
        raise ItemProblem("too_many_values", f"more than {MAX_VALUES:,} values, which no item needs")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _unparsable(raw, error) from None


def _unparsable(raw: bytes, error: orjson.JSONDecodeError) -> ItemProblem:
    """Why a line is not JSON, so that its author can find the cause."""
    if not raw.strip():
        return ItemProblem("blank_line", "the line is blank. Remove it")
    if b"\0" in raw:
        return ItemProblem("nul_character", "the line holds a NUL byte. Save the manifest as UTF-8 text")
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        return ItemProblem("invalid_encoding", f"byte {wrong.start + 1} is not UTF-8. Save the manifest as UTF-8 text")
    return ItemProblem("invalid_json", f"not valid JSON: {error.msg} (column {error.colno})")


def _item(value: object, line: int) -> ItemOrder:
    if not isinstance(value, dict):
        raise ItemProblem("not_an_object", 'an item is a JSON object such as {"image": "https://…"}')
    if not value.keys() <= FIELDS:
        unknown = ", ".join(sorted(repr(str(name)[:40]) for name in value.keys() - FIELDS)[:5])
        raise ItemProblem("unknown_field", f"unknown field {unknown}. Use {', '.join(sorted(FIELDS))}")
    custom_id = value.get("custom_id")
    metadata = value.get("metadata")
    width, height = check_size(value.get("width"), value.get("height"))
    return ItemOrder(
        str(line) if custom_id is None else check_custom_id(custom_id),
        check_images(value),
        None if metadata is None else check_metadata(metadata),
        width,
        height,
    )


def _item_sizes(value: object, line: int) -> ItemSizes:
    """Sizes are in `sizes`, or in width and height without an image; all else is checked as in a job."""
    if not isinstance(value, dict) or ("sizes" not in value and not _has_no_image(value)):
        return _with_declared_size(_item(value, line))
    rest = {name: entry for name, entry in value.items() if name != "sizes" and entry is not None}
    sizes = value.get("sizes")
    if sizes is None and not ("width" in rest and _has_no_image(rest)):
        return _with_declared_size(_item(rest, line))
    if sizes is not None and rest.keys() & _NO_IMAGE:
        raise ItemProblem("invalid_field", "sizes stands instead of image, images, width and height", "sizes")
    item = _item(rest | {"image": _PLACEHOLDER}, line)
    return ItemSizes([], _with_declared_size(item).sizes if sizes is None else check_sizes(sizes))


def _has_no_image(value: dict[str, object]) -> bool:
    return value.get("image") is None and value.get("images") is None


def _with_declared_size(item: ItemOrder) -> ItemSizes:
    """Width and height declare the size only of a single image."""
    if len(item.images) > 1 or item.width is None or item.height is None:
        return ItemSizes(item.images, None)
    return ItemSizes(item.images, (item.width, item.height))


def _refusal(problem: ItemProblem, line: int, where: str) -> InvalidRequest:
    message = f"{where}: {problem.message}."
    return InvalidRequest(
        message,
        code="invalid_manifest_line",
        param=problem.param,
        details=(Detail(problem.code, message, line=line, param=problem.param),),
    )
