"""Models that cut an image into crops whose size follows from the image's own: Gemini up to 2.5."""

from dataclasses import dataclass
from typing import ClassVar

from vision.tokens.formulas.scale import within


@dataclass(frozen=True, slots=True)
class Crops:
    """One detail level: one crop up to `small` pixels a side, else squares of two thirds of the short side.

    The square is `least` pixels at least and `most` at most; the image is fitted into `side` first. `tokens` a crop.
    """

    cell: ClassVar[None] = None
    tokens: int
    small: int
    least: int
    most: int
    side: int

    @property
    def ceiling(self) -> int:
        """Tokens of the image that is cut into the most crops: two rows of the smallest squares, or a full square."""
        return self.tokens * max(2 * -(-self.side // self.least), (-(-self.side // self.most)) ** 2)

    def count(self, width: int, height: int) -> tuple[int, int, int, None, int]:
        """Tokens, size used, no patches, and crops."""
        width, height = within(width, height, self.side)
        crops = 1
        if max(width, height) > self.small:
            square = min(max(2 * min(width, height) // 3, self.least), self.most)
            crops = -(-width // square) * -(-height // square)
        return self.tokens * crops, width, height, None, crops
