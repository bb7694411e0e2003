"""Checks the fields of an item."""

import re

import orjson

from vision.jobs.untrusted import Unfit, dumped

MAX_IMAGES = 20

MAX_CUSTOM_ID_LENGTH = 512

MAX_URL_LENGTH = 8_192

MAX_METADATA_BYTES = 16_384

MAX_SIDE = 65_535

_WEB_URL = re.compile(r"https?://[^\x00-\x20\x7f/?#\ud800-\udfff][^\x00-\x20\x7f\ud800-\udfff]*", re.IGNORECASE)

_DATA_URL = re.compile(r"data:image/[\w.+-]+(?:;[\w.=+-]+)*;base64,(?=.)", re.IGNORECASE | re.ASCII)

_FILE_ID = re.compile(r"file_[0-9a-f]{32}")

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class ItemProblem(Exception):
    """What is wrong with an item; `manifest` adds the line."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        self.code, self.message, self.param = code, message, param
        super().__init__(message)


def check_sizes(pairs: object) -> tuple[int, ...]:
    if not isinstance(pairs, list) or not 1 <= len(pairs) <= MAX_IMAGES:
        raise ItemProblem("invalid_field", f"sizes must be a list of 1 to {MAX_IMAGES} pairs [width, height]", "sizes")
    sides: list[int] = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or any(not _is_side(side) for side in pair):
            message = f"an entry of sizes is [width, height] in whole pixels from 1 to {MAX_SIDE:,}"
            raise ItemProblem("invalid_field", message, "sizes")
        sides += pair
    return tuple(sides)


def _is_side(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_SIDE


def check_custom_id(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CUSTOM_ID_LENGTH or _UNPRINTABLE.search(value):
        raise ItemProblem(
            "invalid_field",
            f"custom_id must be a string of 1 to {MAX_CUSTOM_ID_LENGTH} characters without control characters",
            "custom_id",
        )
    return value


def check_images(value: dict[str, object]) -> list[str]:
    image, images = value.get("image"), value.get("images")
    if (image is None) == (images is None):
        raise ItemProblem("missing_image", "give either image (one) or images (a list)", "image")
    if images is None:
        return [_source(image, "image")]
    if not isinstance(images, list) or not 1 <= len(images) <= MAX_IMAGES:
        raise ItemProblem("invalid_field", f"images must be a list of 1 to {MAX_IMAGES} strings", "images")
    return [_source(source, "images") for source in images]


def _source(value: object, param: str) -> str:
    if isinstance(value, str) and (
        (len(value) <= MAX_URL_LENGTH and _WEB_URL.fullmatch(value))
        or _FILE_ID.fullmatch(value)
        or (_DATA_URL.match(value) and value.isascii() and "\0" not in value)
    ):
        return value
    shown = repr(value[:60]) if isinstance(value, str) else type(value).__name__
    raise ItemProblem(
        "invalid_image",
        f"{shown} is no image source. Use an http(s) URL of at most {MAX_URL_LENGTH:,} characters, "
        "a data URL (data:image/…;base64,…) or the id of an uploaded file (file_…)",
        param,
    )


def check_metadata(value: object) -> dict[str, object]:
    """The metadata as it will be stored."""
    if not isinstance(value, dict):
        raise ItemProblem("invalid_field", "metadata must be an object", "metadata")
    try:
        stored = dumped(value, "metadata")
    except Unfit as unfit:
        raise ItemProblem(unfit.code, unfit.message, "metadata") from None
    if len(stored) > MAX_METADATA_BYTES:
        raise ItemProblem("invalid_field", f"metadata is larger than {MAX_METADATA_BYTES:,} bytes", "metadata")
    stored_value: dict[str, object] = orjson.loads(stored)
    return stored_value


def check_size(width: object, height: object) -> tuple[int | None, int | None]:
    if width is None and height is None:
        return None, None
    for side in (width, height):
        if type(side) is not int or not 1 <= side <= MAX_SIDE:
            raise ItemProblem(
                "invalid_field",
                f"width and height go together, as whole numbers of pixels from 1 to {MAX_SIDE:,}",
                "width" if side is width else "height",
            )
    return width, height  # type: ignore[return-value] # both are int by now
