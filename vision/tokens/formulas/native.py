"""Models that see an image at a resolution of their own, in patches of 28x28 pixels: Claude.

Anthropic, "Coordinates and bounding boxes", How Claude resizes and pads images: the largest size of the image's shape
whose sides, rounded up to whole patches, are within the edge, and whose patches are within the budget. Padding up to
whole patches holds nothing of the image.
"""

from bisect import bisect_left
from dataclasses import dataclass

from vision.errors import ImageError
from vision.tokens.formulas.scale import within

PATCH = 28


@dataclass(frozen=True, slots=True)
class Native:
    """One detail level: shrink to `edge` and `budget`, refuse sides over `longest`; a token a patch, or by the area."""

    edge: int
    budget: int
    longest: int
    area: int | None = None
    """Pixels a token, in rules that count the area and not the patches."""

    @property
    def cell(self) -> int | None:
        """The grid's line spacing in pixels."""
        return PATCH if self.area is None else None

    @property
    def ceiling(self) -> int:
        """Tokens of the largest image."""
        patches = min(self.budget, _cover(self.edge, self.edge))
        return patches if self.area is None else -(-patches * PATCH**2 // self.area)

    def count(self, width: int, height: int) -> tuple[int, int, int, int | None, None]:
        """Tokens, size used, patches if they are what counts, and no tiles; ImageError image_too_large."""
        if max(width, height) > self.longest:
            raise self._refusal(width, height)
        used = (width, height) if self._fits(width, height) else self._shrunk(width, height)
        if self.area is not None:
            return -(-used[0] * used[1] // self.area), *used, None, None
        return _cover(*used), *used, _cover(*used), None

    def _fits(self, width: int, height: int) -> bool:
        return -(-max(width, height) // PATCH) * PATCH <= self.edge and _cover(width, height) <= self.budget

    def _shrunk(self, width: int, height: int) -> tuple[int, int]:
        longer, shorter = max(width, height), min(width, height)

        # Patches never fall as the long side grows, so the last side that fits is found by bisection.
        sides = range(1, min(longer, self.edge) + 1)
        long = bisect_left(sides, True, key=lambda side: not self._fits(side, along(side, longer, shorter)))
        short = along(long, longer, shorter)
        return (long, short) if width >= height else (short, long)

    def _refusal(self, width: int, height: int) -> ImageError:
        fitting = within(width, height, self.longest)
        return ImageError(
            f"{width}x{height} pixels: the model takes {self.longest:,} a side. "
            f"The largest size of this shape that fits is {fitting[0]}x{fitting[1]}.",
            code="image_too_large",
        )


def along(side: int, longer: int, shorter: int) -> int:
    """The short side in proportion to a long one of `side` pixels, by the two divisions of the published code.

    They are floating-point ones and round halves to the even pixel; here that is the rule itself. (2000x1500 pixels
    become 1270x952 by the code and an earlier guide, and 1269x952 in the table of a later one: 1,564 tokens each.)
    """
    return max(1, round(side / (longer / shorter)))


def _cover(width: int, height: int) -> int:
    return -(-width // PATCH) * -(-height // PATCH)
