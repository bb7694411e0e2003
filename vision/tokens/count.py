"""Image tokens of one image under a rule."""

from functools import lru_cache
from typing import NamedTuple

from vision.errors import InvalidRequest
from vision.tokens.facts import Rule
from vision.tokens.formulas.levels import Level
from vision.tokens.formulas.tiles import Fixed
from vision.tokens.rules import get_rule

MAX_SIDE = 2**31 - 1
"""No accepted format can state a longer side in its header (PNG: 2,147,483,647 pixels)."""


class ImageTokens(NamedTuple):
    """The tokens of one image, and the size in pixels that the model sees (`low` of a tile rule: as given)."""

    tokens: int
    width: int
    height: int
    patches: int | None
    tiles: int | None
    rule: str
    confirmed: bool = True
    """False: counted by a rule that the provider has not published in full."""


def count_image(rule: str, detail: str, width: int, height: int) -> ImageTokens:
    """Tokens of a `width` x `height` pixel image.

    InvalidRequest unknown_model, unsupported_detail, invalid_size; ImageError image_too_many_patches.
    """
    found, level = level_of(rule, detail)
    check_size(width, height)
    tokens, width, height, patches, tiles = level.count(width, height)
    return ImageTokens(tokens, width, height, patches, tiles, found.name, found.confirmed)


def fixed_tokens(rule: str, detail: str) -> int | None:
    """The tokens of any image at this detail; None if they depend on its size."""
    level = level_of(rule, detail)[1]
    return level.tokens if isinstance(level, Fixed) else None


@lru_cache(maxsize=1024)
def most_tokens(rule: str, detail: str) -> int:
    """The most tokens that an image of any size can cost; errors as `level_of`."""
    return level_of(rule, detail)[1].ceiling


@lru_cache(maxsize=1024)
def least_tokens(rule: str, detail: str) -> int:
    """The least tokens that an image can cost: those of a single pixel."""
    return count_image(rule, detail, 1, 1).tokens


def details(rule: str) -> tuple[str, ...]:
    """The levels of detail that a rule's model takes, `auto` first."""
    return tuple(get_rule(rule).levels)


@lru_cache(maxsize=1024)
def level_of(rule: str, detail: str) -> tuple[Rule, Level]:
    """A rule and its level for a detail; InvalidRequest unknown_model, unsupported_detail."""
    found = get_rule(rule)
    try:
        return found, found.levels[detail]
    except KeyError:
        raise InvalidRequest(
            f"{found.name} takes no detail {detail!r}; it takes {', '.join(found.levels)}.",
            code="unsupported_detail",
            param="detail",
        ) from None


def check_size(width: object, height: object) -> None:
    """InvalidRequest invalid_size, unless both sides are whole pixels from 1 to MAX_SIDE."""
    if type(width) is int and type(height) is int and 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE:
        return
    raise InvalidRequest(
        f"{width!r}x{height!r} is not the size of an image: give whole pixels from 1 to {MAX_SIDE:,}.",
        code="invalid_size",
        param="width",
    )
