"""Models that see an image as tiles of 512x512 pixels, and levels of detail that cost the same at any size."""

from dataclasses import dataclass
from typing import ClassVar

from vision.tokens.formulas.scale import within

TILE = 512


@dataclass(frozen=True, slots=True)
class Tiles:
    """Fit into `side`, scale the short side down to `short`; base + tiles x tile, and an extra for GPT Image."""

    cell: ClassVar[int] = TILE
    base: int
    tile: int
    side: int
    short: int
    extra_square: int = 0
    extra_oblong: int = 0

    @property
    def ceiling(self) -> int:
        """Tokens of the largest image."""
        tiles = -(-self.side // TILE) * -(-min(self.side, self.short) // TILE)
        return self.base + tiles * self.tile + max(self.extra_square, self.extra_oblong)

    def count(self, width: int, height: int) -> tuple[int, int, int, None, int]:
        """Tokens, size used, no patches, and tiles."""
        used = self._used(width, height)
        tiles = -(-used[0] // TILE) * -(-used[1] // TILE)
        extra = self.extra_square if width == height else self.extra_oblong
        return self.base + tiles * self.tile + extra, *used, None, tiles

    def _used(self, width: int, height: int) -> tuple[int, int]:
        """The guide floors the long side; it does not say how to round the first fit (see `within`)."""
        width, height = within(width, height, self.side)
        shorter = min(width, height)
        if shorter <= self.short:
            return width, height
        return width * self.short // shorter, height * self.short // shorter


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same tokens at any size: `low` of the tile models, and models that do not charge images by size."""

    cell: ClassVar[None] = None
    tokens: int
    tiles: int | None = None

    @property
    def ceiling(self) -> int:
        """Tokens of any image."""
        return self.tokens

    def count(self, width: int, height: int) -> tuple[int, int, int, None, int | None]:
        """Tokens, the size as it is, no patches, and tiles."""
        return self.tokens, width, height, None, self.tiles
