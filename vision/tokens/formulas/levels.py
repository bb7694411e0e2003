"""The ways to count an image, and how a rule in the files of facts states them."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from vision.tokens.formulas.crops import Crops
from vision.tokens.formulas.native import Native
from vision.tokens.formulas.patches import Patches
from vision.tokens.formulas.tiles import Fixed, Tiles

Level = Patches | Tiles | Fixed | Native | Crops

DETAILS = ("low", "high", "original")
KINDS: Mapping[str, Callable[..., Level]] = {"native": Native, "crops": Crops, "fixed": Fixed}


def read_levels(entry: dict[str, Any], model: str) -> dict[str, Level]:
    """The levels of detail of a model, by the entry that names it.

    An entry has `multipliers` (patch rules), a `base` (tile rules), or a table with a `kind` for each level.
    """
    if "multipliers" in entry:
        return _patches(entry, Fraction(entry["multipliers"][model]))
    if "base" in entry:
        return _tiles(entry)
    return {detail: _level(**entry[detail]) for detail in DETAILS if detail in entry}


def _patches(entry: dict[str, Any], multiplier: Fraction) -> dict[str, Level]:
    sizes = {detail: entry[detail] for detail in DETAILS if detail in entry}
    limit = entry.get("limit")
    return {detail: Patches(multiplier, size["side"], size.get("budget"), limit) for detail, size in sizes.items()}


def _tiles(entry: dict[str, Any]) -> dict[str, Level]:
    numbers = entry["base"], entry["tile"], entry["side"], entry["short"]
    if "square" in entry:
        return {"low": Tiles(*numbers), "high": Tiles(*numbers, entry["square"], entry["oblong"])}
    return {"low": Fixed(entry["base"], tiles=0), "high": Tiles(*numbers)}


def _level(kind: str, **numbers: int) -> Level:
    return KINDS[kind](**numbers)
