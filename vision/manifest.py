"""Items as callers write them: one JSON object each, a line of a manifest or an entry of `items`."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from vision.errors import Detail, InvalidRequest

MAX_LINE_BYTES = 30_000_000
"""A line may carry images as data URLs; the largest image is 20 MB, which is 26.7 MB in base64."""
MAX_IMAGES = 20
MAX_CUSTOM_ID_LENGTH = 512
MAX_URL_LENGTH = 8_192
MAX_METADATA_BYTES = 16_384
MAX_SIDE = 65_535

FIELDS = frozenset({"custom_id", "image", "images", "metadata", "width", "height"})
_BOM = b"\xef\xbb\xbf"
_WEB_URL = re.compile(r"https?://[^\x00-\x20\x7f/?#\ud800-\udfff][^\x00-\x20\x7f\ud800-\udfff]*", re.IGNORECASE)
_DATA_URL = re.compile(r"data:image/[\w.+-]+(?:;[\w.=+-]+)*;base64,(?=.)", re.IGNORECASE | re.ASCII)
_FILE_ID = re.compile(r"file_[0-9a-f]{32}")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(slots=True)
class ItemOrder:
    """What a caller wants done with one item; width and height are the first image's, in pixels."""

    custom_id: str
    images: list[str]
    metadata: dict[str, Any] | None = None
    width: int | None = None
    height: int | None = None


class _Problem(Exception):
    """What is wrong with an item, before it is known where the item stands."""

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


def _parse(raw: bytes, line: int) -> object:
    if line == 1:
        raw = raw.removeprefix(_BOM)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _unparsable(raw, error) from None


def _unparsable(raw: bytes, error: orjson.JSONDecodeError) -> _Problem:
    """Why a line is no JSON, in words that help to find the cause."""
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
        stored = orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise _Problem("invalid_field", f"metadata cannot be stored: {error}", "metadata") from None
    if len(stored) > MAX_METADATA_BYTES:
        raise _Problem("invalid_field", f"metadata is larger than {MAX_METADATA_BYTES:,} bytes", "metadata")
    if _ESCAPED_NUL.search(stored):
        raise _Problem("nul_character", "metadata holds a NUL character", "metadata")
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
