"""Groups lines of text into blocks from top to bottom; a wide gap or a change of size ends a block."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from unicodedata import east_asian_width

_GAP = 1.0  # of a line's height, between two rows: more starts a new block
_LARGER = 1.3  # than the median line: a heading


@dataclass(frozen=True)
class TextLine:
    """A piece of text in one row; pixels of the image it was read from."""

    text: str
    score: float
    left: float
    middle: float
    right: float
    height: float

    @property
    def pitch(self) -> float:
        """Pixels a character, a wide one counting twice: compares sizes even where boxes are slanted."""
        columns = sum(2 if east_asian_width(char) in "FW" else 1 for char in self.text)
        return (self.right - self.left) / columns


@dataclass(frozen=True)
class Block:
    """A part of the layout; line breaks are kept as they are in the image."""

    kind: str
    text: str


def blocks(lines: Sequence[TextLine]) -> list[Block]:
    """Every line once; lines side by side are joined by two spaces, so columns of prose are not recognised."""
    if not lines:
        return []
    usual = median(line.pitch for line in lines)
    groups: list[list[list[TextLine]]] = []
    for row in _rows(lines):
        if groups and _belongs(groups[-1][-1], row, usual):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [_block(group, usual) for group in groups]


def _rows(lines: Iterable[TextLine]) -> list[list[TextLine]]:
    """Lines whose middles are less than half a height apart share a row."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: line.middle):
        if rows and line.middle - rows[-1][-1].middle < 0.5 * min(line.height, rows[-1][-1].height):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.left) for row in rows]


def _belongs(above: Sequence[TextLine], below: Sequence[TextLine], usual: float) -> bool:
    heights = median(line.height for line in above), median(line.height for line in below)
    gap = below[0].middle - above[0].middle - sum(heights) / 2
    return gap <= _GAP * min(heights) and _is_large(above, usual) == _is_large(below, usual)


def _block(rows: Sequence[Sequence[TextLine]], usual: float) -> Block:
    text = "\n".join("  ".join(line.text for line in row) for row in rows)
    heading = len(rows) == 1 and _is_large(rows[0], usual)
    return Block("heading" if heading else "paragraph", text)


def _is_large(row: Sequence[TextLine], usual: float) -> bool:
    return median(line.pitch for line in row) > _LARGER * usual
