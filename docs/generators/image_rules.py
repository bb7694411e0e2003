"""Which model follows which rule: the tables of docs/image-tokens.md that the rules alone fill."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from generators.words import table
from vision.tokens.facts import Level, Rule, rules, unpublished
from vision.tokens.patches import Patches
from vision.tokens.tiles import Fixed, Tiles


def current() -> list[Rule]:
    """The rules in force, in the order of the data."""
    return [rule for model, rule in rules().items() if "@" not in model and model != "none"]


def model(rule: Rule) -> str:
    """The model whose rule it is."""
    return rule.name.partition(":")[2]


def names(found: Iterable[Rule]) -> str:
    """Their models, a dagger at those whose rule is not confirmed."""
    return ", ".join(model(rule) + ("" if rule.confirmed else " †") for rule in found)


def following() -> str:
    """A table for each way of counting; models with the same numbers share a row."""
    return f"Patches:\n\n{_patches()}\nTiles:\n\n{_tiles()}"


def unconfirmed() -> str:
    """What is not published, and what stands in for it."""
    notes = groupby((rule for rule in current() if not rule.confirmed), key=lambda rule: rule.note)
    return "".join(f"- {', '.join(map(model, found))}: {note}\n" for note, found in notes)


def without_rule() -> str:
    """Models of which nothing is published."""
    return "".join(f"- {name}: {reason}\n" for name, reason in unpublished().items())


def _patches() -> str:
    header = ("Model", "Multiplier", "`low`", "`high`", "`original`", "`auto` is", "Limit")
    rows = []
    for group in _alike(Patches):
        levels = group[0].levels
        sizes = (_sizing(levels.get(detail)) for detail in ("low", "high", "original"))
        high: Any = levels["high"]
        limit = f"{high.limit:,} patches" if high.limit else "none"
        rows.append((names(group), f"{float(high.multiplier):g}", *sizes, f"`{group[0].auto}`", limit))
    return table(header, rows)


def _tiles() -> str:
    header = ("Model", "`low`", "`high`", "Shorter side", "`auto` is")
    rows = []
    for group in _alike(Tiles):
        high: Any = group[0].levels["high"]
        charges = (_charge(group[0].levels[detail]) for detail in ("low", "high"))
        rows.append((names(group), *charges, f"{high.short} px", f"`{group[0].auto}`"))
    return table(header, rows)


def _alike(kind: type[Level]) -> list[list[Rule]]:
    """Rules of a kind, those with the same numbers together."""
    groups: dict[tuple[object, ...], list[Rule]] = {}
    for rule in current():
        if isinstance(rule.levels.get("high"), kind):
            groups.setdefault((*rule.levels.items(), rule.auto, rule.confirmed), []).append(rule)
    return list(groups.values())


def _sizing(level: Level | None) -> str:
    if not isinstance(level, Patches):
        return "not taken"
    return f"{level.side:,} px" + ("" if level.budget is None else f", {level.budget:,} patches")


def _charge(level: Any) -> str:
    if isinstance(level, Fixed):
        return f"{level.tokens:,}"
    extra = f" + {level.extra_square:,} (square) or {level.extra_oblong:,}" if level.extra_square else ""
    return f"{level.base:,} + {level.tile:,} a tile{extra}"
