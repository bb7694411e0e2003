"""What a call costs in tokens by the published rules, written a second time on purpose: an oracle shares no code.

Rule set B, read August to October 2026 from developers.openai.com/api/docs/guides/images-vision (facts §1.1, §1.3).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isqrt

from splintr import Tokenizer

PATCH = 32
MAX_PATCHES = 30_000
TEXT = Tokenizer.from_pretrained("o200k_base")

# detail → (longest side in pixels, patch budget or None)
Level = tuple[int, int | None]
SMALL: Level = (512, None)
HIGH: Level = (2048, 2_500)
WIDE: Level = (2048, 6_144)
FULL: Level = (65_535, None)
LARGE: Level = (6_000, 10_000)
OLD: Level = (2048, 1_536)


@dataclass(frozen=True)
class Patches:
    """Tokens = patches of 32 pixels x multiplier, rounded up."""

    multiplier: Fraction
    levels: Mapping[str, Level]


@dataclass(frozen=True)
class Tiles:
    """Tokens = base + tile x tiles of 512 pixels; `low` is the base alone."""

    base: int
    tile: int


def _patches(multiplier: str, low: Level, high: Level, original: Level | None, auto: Level) -> Patches:
    levels = {"low": low, "high": high, "auto": auto} | ({"original": original} if original else {})
    return Patches(Fraction(multiplier), levels)


def _flat(multiplier: str, level: Level) -> Patches:
    return _patches(multiplier, level, level, None, level)


RULES: dict[str, Patches | Tiles | None] = {
    "none": None,
    "gpt-6-astra": _patches("1.2", SMALL, (65_535, 2_500), FULL, FULL),
    **dict.fromkeys(("gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna"), _patches("1.2", SMALL, HIGH, FULL, FULL)),
    "gpt-5.5": _patches("1.2", SMALL, HIGH, LARGE, LARGE),
    **dict.fromkeys(("gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano"), _patches("1.2", WIDE, HIGH, LARGE, HIGH)),
    "gpt-5.2": _flat("1.2", WIDE),
    "gpt-4.1-mini": _flat("1.62", WIDE),
    # Sizing no longer published: set A's box and budget with set B's multipliers.
    "gpt-5-mini": _flat("1.2", OLD),
    "gpt-5-nano": _flat("1.5", OLD),
    "gpt-4.1-nano": _flat("2.46", OLD),
    "o4-mini": _flat("1.72", OLD),
    # Not in the table; live observations fit 1.2 and no resize, as gpt-6-astra has it.
    **dict.fromkeys(
        ("gpt-6-luna", "gpt-6-sol", "gpt-6.1-sol", "gpt-6.1-terra"),
        _patches("1.2", SMALL, (65_535, 2_500), FULL, FULL),
    ),
    **dict.fromkeys(("gpt-4o", "gpt-4.1", "gpt-4.5"), Tiles(85, 170)),
    "gpt-4o-mini": Tiles(2833, 5667),
    **dict.fromkeys(("gpt-5.1", "gpt-5", "gpt-5-chat-latest"), Tiles(70, 140)),
    **dict.fromkeys(("o1", "o1-pro", "o3"), Tiles(75, 150)),
}


class TooManyPatches(Exception):
    """The provider rejects this image; `patches` after resizing."""

    def __init__(self, patches: int) -> None:
        super().__init__(patches)
        self.patches = patches


class UnsupportedDetail(Exception):
    """The model does not know this detail level."""


def family(model: str) -> str | None:
    """`gpt-4o-mini-2024-07-18` → `gpt-4o-mini`; None for an unknown model."""
    name = re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model)
    return name if name in RULES else None


def scaled(width: int, height: int, side: int) -> tuple[int, int]:
    """Fit inside a square of `side` pixels, never enlarging, to the nearest pixel."""
    longest = max(width, height)
    if longest <= side:
        return width, height
    return tuple(max(1, (2 * length * side + longest) // (2 * longest)) for length in (width, height))  # type: ignore[return-value]  # a pair in, a pair out


def fitted(width: int, height: int, budget: int | None) -> tuple[int, int]:
    """Shrink to whole patches within a budget: the rule's two square roots, in integers."""
    if budget is None or -(-width // PATCH) * -(-height // PATCH) <= budget:
        return width, height
    across, down = isqrt(budget * width // height), isqrt(budget * height // width)
    scale = min(Fraction(PATCH * across, width), Fraction(PATCH * down, height))
    return int(width * scale), int(height * scale)


def patch_count(width: int, height: int, level: Level) -> int:
    """Patches after both resizes."""
    width, height = fitted(*scaled(width, height, level[0]), level[1])
    return -(-width // PATCH) * -(-height // PATCH)


def tile_count(width: int, height: int) -> int:
    """Fit in 2048 x 2048, then the shortest side to at most 768, the other floored; never enlarged.

    How the first fit rounds is not published for tiles; taken here as for patches.
    """
    short, long = sorted(scaled(width, height, 2048))
    if short > 768:
        short, long = 768, long * 768 // short
    return -(-short // 512) * -(-long // 512)


@lru_cache(maxsize=65_536)
def image_tokens(name: str, detail: str, width: int, height: int) -> int:
    """Tokens of one image for a model family; TooManyPatches, UnsupportedDetail."""
    rule = RULES[name]
    if rule is None:
        return 0
    if isinstance(rule, Tiles):
        if detail not in ("low", "high", "auto"):
            raise UnsupportedDetail(detail)
        return rule.base if detail == "low" else rule.base + rule.tile * tile_count(width, height)
    if detail not in rule.levels:
        raise UnsupportedDetail(detail)
    patches = patch_count(width, height, rule.levels[detail])
    if patches > MAX_PATCHES:
        raise TooManyPatches(patches)
    return -(-patches * rule.multiplier // 1)


@lru_cache(maxsize=16_384)
def text_tokens(text: str) -> int:
    """o200k tokens of a text."""
    return len(TEXT.encode_ordinary(text))


def cut(text: str, tokens: int) -> str:
    """The first `tokens` tokens of a text."""
    return str(TEXT.decode_lossy(TEXT.encode_ordinary(text)[:tokens]))
