"""Shrinks the size of an image before it is sent, so that it costs less. Nothing here enlarges."""

from dataclasses import dataclass

from vision.errors import ImageError, InvalidRequest
from vision.tokens.count import MAX_SIDE, ImageTokens, check_size, count_image, level_of
from vision.tokens.formulas.levels import Level
from vision.tokens.formulas.scale import within

KINDS = ("none", "snap", "max")
KEPT = 92
"""The least that `snap` keeps of a side, in per cent."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How an image is shrunk before it is sent; InvalidRequest invalid_fit.

    - `none`: not at all.
    - `snap`: by at most 8 % of a side, if that drops a whole row or column of patches or tiles (1025 pixels cost a
      patch more than 1024). Models that count without a grid get the image as it is.
    - `max`: so that its longer side is `max_side` pixels at most.
    """

    kind: str = "none"
    max_side: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidRequest(
                f"There is no fit {self.kind!r}; use {', '.join(KINDS)}.", code="invalid_fit", param="fit"
            )
        if self.kind != "max" and self.max_side is not None:
            raise InvalidRequest(
                "max_side goes with fit 'max'; set fit to 'max', or leave max_side out.",
                code="invalid_fit",
                param="max_side",
            )
        if self.kind == "max" and not (type(self.max_side) is int and 1 <= self.max_side <= MAX_SIDE):
            raise InvalidRequest(
                f"fit 'max' needs max_side: the pixels of the longer side, from 1 to {MAX_SIDE:,}.",
                code="invalid_fit",
                param="max_side",
            )


NO_FIT = Fit()


def sent_size(rule: str, detail: str, fit: Fit, width: int, height: int) -> tuple[int, int]:
    """The size in pixels at which a `width` x `height` image is sent.

    An image that the model refuses by its size is not snapped. InvalidRequest as `count_image`.
    """
    level = level_of(rule, detail)[1]
    check_size(width, height)
    if fit.max_side is not None:
        return within(width, height, fit.max_side)
    if fit.kind == "snap" and level.cell is not None:
        return _snapped(level, level.cell, width, height)
    return width, height


def count_sent(rule: str, detail: str, fit: Fit, width: int, height: int) -> ImageTokens:
    """Tokens of a `width` x `height` image when it is sent at its `sent_size`; errors as `count_image`."""
    return count_image(rule, detail, *sent_size(rule, detail, fit, width, height))


def _snapped(level: Level, cell: int, width: int, height: int) -> tuple[int, int]:
    """The cheapest of the given size and the sizes at the next lower grid lines; among equals the larger one."""
    try:
        tokens, seen_width, seen_height, *_ = level.count(width, height)
    except ImageError:
        return width, height
    lower = [(level.count(*size)[0], -size[0] * size[1], size) for size in _lower(seen_width, seen_height, cell)]
    cheapest = min(lower, default=(tokens, 0, (width, height)))
    return cheapest[2] if cheapest[0] < tokens else (width, height)


def _lower(width: int, height: int, cell: int) -> list[tuple[int, int]]:
    """The size the model sees, with its width or its height reduced to the next lower grid line, if that is near."""
    sizes = []
    if line := _grid_line(width, cell):
        sizes.append((line, _along(height, line, width)))
    if line := _grid_line(height, cell):
        sizes.append((_along(width, line, height), line))
    return sizes


def _grid_line(side: int, cell: int) -> int:
    """The grid line below a side, if the side is not on one and keeps KEPT per cent; else 0."""
    line = side - side % cell
    return line if line < side and 100 * line >= KEPT * side else 0


def _along(side: int, line: int, other: int) -> int:
    """A side scaled like the other one, to the nearest pixel; rounding never takes more than the 8 % either."""
    return max((2 * side * line + other) // (2 * other), -(-KEPT * side // 100))
