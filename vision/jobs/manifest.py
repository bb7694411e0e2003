"""Parses items as callers send them: one JSON object each, a line of a manifest or an entry of `items`.

For an estimate an item may have sizes instead of images: `read_sizes_line`, `read_sizes`.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from vision.errors import Detail, InvalidRequest
from vision.jobs.untrusted import MAX_VALUES, Unfit, dumped, has_too_many_values

MAX_LINE_BYTES = 30_000_000
"""A line may carry images as data URLs; the largest image is 20 MB, which is 26.7 MB in base64."""
MAX_IMAGES = 20
MAX_CUSTOM_ID_LENGTH = 512
MAX_URL_LENGTH = 8_192
MAX_METADATA_BYTES = 16_384
MAX_SIDE = 65_535

FIELDS = frozenset({"custom_id", "image", "images", "metadata", "width", "height"})
_NO_IMAGE = frozenset({"image", "images", "width", "height"})
_PLACEHOLDER = "file_" + "0" * 32
"""An image for items that have none, so that the rest of the item can be parsed like any other."""
_BOM = b"\xef\xbb\xbf"
_WEB_URL = re.compile(r"https?://[^\x00-\x20\x7f/?#\ud800-\udfff][^\x00-\x20\x7f\ud800-\udfff]*", re.IGNORECASE)
_DATA_URL = re.compile(r"data:image/[\w.+-]+(?:;[\w.=+-]+)*;base64,(?=.)", re.IGNORECASE | re.ASCII)
_FILE_ID = re.compile(r"file_[0-9a-f]{32}")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(slots=True)
class ItemOrder:
    """One item as sent; width and height are those of the first image, in pixels."""

    custom_id: str
    images: list[str]
    metadata: dict[str, Any] | None = None
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class ItemSizes:
    """One item of an estimate: its images, and the sizes of all of them if declared (w, h, w, h … in pixels).

    `images` is empty where sizes are declared instead.
    """

    images: list[str]
    sizes: tuple[int, ...] | None


class _Problem(Exception):
    """What is wrong with an item; `_refusal` adds the line."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        self.code, self.message, self.param = code, message, param
        super().__init__(message)


def read_line(raw: bytes, line: int) -> ItemOrder:
    """One line of an NDJSON manifest, counted from 1; InvalidRequest `invalid_manifest_line`."""
    try:
        return _item(_parse(raw, line), line)
    except _Problem as problem:
        raise _refusal(problem, line, f"Line {line}") from None


def read_item(value: object, line: int) -> ItemOrder:
    """One entry of a job's `items`, counted from 1; InvalidRequest `invalid_manifest_line`."""
    try:
        return _item(value, line)
    except _Problem as problem:
        raise _refusal(problem, line, f"Item {line}") from None


def read_sizes_line(raw: bytes, line: int) -> ItemSizes:
    """One line of a manifest that is only estimated; InvalidRequest `invalid_manifest_line`."""
    try:
        return _item_sizes(_parse(raw, line), line)
    except _Problem as problem:
        raise _refusal(problem, line, f"Line {line}") from None


def read_sizes(value: object, line: int) -> ItemSizes:
    """One entry of `items` that are only estimated; InvalidRequest `invalid_manifest_line`."""
    try:
        return _item_sizes(value, line)
    except _Problem as problem:
        raise _refusal(problem, line, f"Item {line}") from None


def _parse(raw: bytes, line: int) -> object:
    if line == 1:
        raw = raw.removeprefix(_BOM)
    if has_too_many_values(raw):
        raise _Problem("too_many_values", f"more than {MAX_VALUES:,} values, which no item needs")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _unparsable(raw, error) from None


def _unparsable(raw: bytes, error: orjson.JSONDecodeError) -> _Problem:
    """Why a line is not JSON, so that its author can find the cause."""
    if not raw.strip():
        return _Problem("blank_line", "the line is blank. Remove it")
    if b"\0" in raw:
        return _Problem("nul_character", "the line holds a NUL byte. Save the manifest as UTF-8 text")
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        return _Problem("invalid_encoding", f"byte {wrong.start + 1} is not UTF-8. Save the manifest as UTF-8 text")
    return _Problem("invalid_json", f"not valid JSON: {error.msg} (column {error.colno})")


def _item(value: object, line: int) -> ItemOrder:
    if not isinstance(value, dict):
        raise _Problem("not_an_object", 'an item is a JSON object such as {"image": "https://…"}')
    if not value.keys() <= FIELDS:
        unknown = ", ".join(sorted(repr(str(name)[:40]) for name in value.keys() - FIELDS)[:5])
        raise _Problem("unknown_field", f"unknown field {unknown}. Use {', '.join(sorted(FIELDS))}")
    custom_id = value.get("custom_id")
    metadata = value.get("metadata")
    width, height = _size(value.get("width"), value.get("height"))
    return ItemOrder(
        str(line) if custom_id is None else _custom_id(custom_id),
        _images(value),
        None if metadata is None else _metadata(metadata),
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
        raise _Problem("invalid_field", "sizes stands instead of image, images, width and height", "sizes")
    item = _item(rest | {"image": _PLACEHOLDER}, line)
    return ItemSizes([], _with_declared_size(item).sizes if sizes is None else _sizes(sizes))


def _has_no_image(value: dict[str, Any]) -> bool:
    return value.get("image") is None and value.get("images") is None


def _with_declared_size(item: ItemOrder) -> ItemSizes:
    """Width and height declare the size only of a single image."""
    if len(item.images) > 1 or item.width is None or item.height is None:
        return ItemSizes(item.images, None)
    return ItemSizes(item.images, (item.width, item.height))


def _sizes(pairs: object) -> tuple[int, ...]:
    if not isinstance(pairs, list) or not 1 <= len(pairs) <= MAX_IMAGES:
        raise _Problem("invalid_field", f"sizes must be a list of 1 to {MAX_IMAGES} pairs [width, height]", "sizes")
    sides: list[int] = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or any(not _is_side(side) for side in pair):
            message = f"an entry of sizes is [width, height] in whole pixels from 1 to {MAX_SIDE:,}"
            raise _Problem("invalid_field", message, "sizes")
        sides += pair
    return tuple(sides)


def _is_side(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_SIDE


def _custom_id(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CUSTOM_ID_LENGTH or _UNPRINTABLE.search(value):
        raise _Problem(
            "invalid_field",
            f"custom_id must be a string of 1 to {MAX_CUSTOM_ID_LENGTH} characters without control characters",
            "custom_id",
        )
    return value


def _images(value: dict[str, Any]) -> list[str]:
    image, images = value.get("image"), value.get("images")
    if (image is None) == (images is None):
        raise _Problem("missing_image", "give either image (one) or images (a list)", "image")
    if images is None:
        return [_source(image, "image")]
    if not isinstance(images, list) or not 1 <= len(images) <= MAX_IMAGES:
        raise _Problem("invalid_field", f"images must be a list of 1 to {MAX_IMAGES} strings", "images")
    return [_source(source, "images") for source in images]


def _source(value: object, param: str) -> str:
    if isinstance(value, str) and (
        (len(value) <= MAX_URL_LENGTH and _WEB_URL.fullmatch(value))
        or _FILE_ID.fullmatch(value)
        or (_DATA_URL.match(value) and value.isascii() and "\0" not in value)
    ):
        return value
    shown = repr(value[:60]) if isinstance(value, str) else type(value).__name__
    raise _Problem(
        "invalid_image",
        f"{shown} is no image source. Use an http(s) URL of at most {MAX_URL_LENGTH:,} characters, "
        "a data URL (data:image/…;base64,…) or the id of an uploaded file (file_…)",
        param,
    )


def _metadata(value: object) -> dict[str, Any]:
    """The metadata as it will be stored."""
    if not isinstance(value, dict):
        raise _Problem("invalid_field", "metadata must be an object", "metadata")
    try:
        stored = dumped(value, "metadata")
    except Unfit as unfit:
        raise _Problem(unfit.code, unfit.message, "metadata") from None
    if len(stored) > MAX_METADATA_BYTES:
        raise _Problem("invalid_field", f"metadata is larger than {MAX_METADATA_BYTES:,} bytes", "metadata")
    stored_value: dict[str, Any] = orjson.loads(stored)
    return stored_value


def _size(width: object, height: object) -> tuple[int | None, int | None]:
    if width is None and height is None:
        return None, None
    for side in (width, height):
        if type(side) is not int or not 1 <= side <= MAX_SIDE:
            raise _Problem(
                "invalid_field",
                f"width and height go together, as whole numbers of pixels from 1 to {MAX_SIDE:,}",
                "width" if side is width else "height",
            )
    return width, height  # type: ignore[return-value] # both are int by now


def _refusal(problem: _Problem, line: int, where: str) -> InvalidRequest:
    message = f"{where}: {problem.message}."
    return InvalidRequest(
        message,
        code="invalid_manifest_line",
        param=problem.param,
        details=(Detail(problem.code, message, line=line, param=problem.param),),
    )
