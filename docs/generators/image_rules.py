"""The tables of docs/image-tokens.md that say which model follows which rule."""

import re
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from generators.words import table
from vision.tokens.facts import Rule, rules, unpublished
from vision.tokens.formulas.crops import Crops
from vision.tokens.formulas.native import Native
from vision.tokens.formulas.patches import Patches
from vision.tokens.formulas.tiles import Fixed, Tiles

PROVIDERS = ("openai", "anthropic", "google")
_VERSION = re.compile(r"(\d+)(?:[.-](\d{1,2})\b)?")


def current() -> list[Rule]:
    """The rule of each model, by provider, newest version first."""
    found = [rule for name, rule in rules().items() if "@" not in name and name != "none"]
    return sorted(found, key=_age)


def model(rule: Rule) -> str:
    """The model whose rule it is."""
    return rule.name.partition(":")[2].partition("@")[0]


def provider(rule: Rule) -> int:
    """The position of its provider; `none` comes last."""
    name = rule.name.partition(":")[0]
    return PROVIDERS.index(name) if name in PROVIDERS else len(PROVIDERS)


def names(found: Iterable[Rule]) -> str:
    """Their models, a dagger at those whose rule is not confirmed."""
    return ", ".join(model(rule) + ("" if rule.confirmed else " †") for rule in found)


def following() -> str:
    """A table for each way of counting; models with the same numbers share a row."""
    return "\n".join(f"{title}:\n\n{_table(kinds, columns)}" for title, kinds, columns in WAYS)


def unconfirmed() -> str:
    """What is not published, and what is assumed instead."""
    found = sorted((rule for rule in current() if not rule.confirmed), key=lambda rule: rule.note)
    notes = {note: list(group) for note, group in groupby(found, key=lambda rule: rule.note)}
    ordered = sorted(notes.items(), key=lambda entry: _age(entry[1][0]))
    return "".join(f"- {', '.join(map(model, group))}: {note}\n" for note, group in ordered)


def without_rule() -> str:
    """Models of which nothing is published."""
    return "".join(f"- {name}: {reason}\n" for name, reason in unpublished().items())


def _age(rule: Rule) -> tuple[int, int, int, str]:
    """Sort by name, not by the order of files: the page must be the same everywhere."""
    version = _VERSION.search(model(rule))
    major, minor = (int(part or 0) for part in version.groups()) if version else (0, 0)
    return provider(rule), -major, -minor, model(rule)


Column = tuple[str, Callable[[Rule], str]]
"""A heading, and the cell for a rule."""


def _table(kinds: tuple[type, ...], columns: tuple[Column, ...]) -> str:
    groups: dict[tuple[object, ...], list[Rule]] = {}
    for rule in current():
        if isinstance(rule.levels["high"], kinds):
            groups.setdefault((*rule.levels.items(), rule.auto, rule.confirmed), []).append(rule)
    rows = [(names(group), *(cell(group[0]) for _, cell in columns)) for group in groups.values()]
    return table(("Model", *(heading for heading, _ in columns)), rows)


def _high(rule: Rule) -> Any:
    return rule.levels["high"]


def _sizing(rule: Rule, detail: str) -> str:
    level: Any = rule.levels.get(detail)
    if level is None:
        return "not taken"
    return f"{level.side:,} px" + ("" if level.budget is None else f", {level.budget:,} patches")


def _charge(rule: Rule, detail: str) -> str:
    match rule.levels.get(detail):
        case Fixed(tokens):
            return f"{tokens:,}"
        case Tiles() as level:
            extra = f" + {level.extra_square:,} (square) or {level.extra_oblong:,}" if level.extra_square else ""
            return f"{level.base:,} + {level.tile:,} a tile{extra}"
        case Crops() as level:
            return f"{level.tokens:,} a crop"
        case _:
            return "not taken"


AUTO: Column = ("`auto` is", lambda rule: f"`{rule.auto}`")
CHARGES: tuple[Column, ...] = (
    ("`low`", lambda rule: _charge(rule, "low")),
    ("`high`", lambda rule: _charge(rule, "high")),
)

WAYS: tuple[tuple[str, tuple[type, ...], tuple[Column, ...]], ...] = (
    (
        "Patches of 32 pixels",
        (Patches,),
        (
            ("Multiplier", lambda rule: f"{float(_high(rule).multiplier):g}"),
            ("`low`", lambda rule: _sizing(rule, "low")),
            ("`high`", lambda rule: _sizing(rule, "high")),
            ("`original`", lambda rule: _sizing(rule, "original")),
            AUTO,
            ("Refused over", lambda rule: f"{_high(rule).limit:,} patches" if _high(rule).limit else ""),
        ),
    ),
    (
        "Tiles of 512 pixels",
        (Tiles,),
        (*CHARGES, ("Shorter side", lambda rule: f"{_high(rule).short:,} px"), AUTO),
    ),
    (
        "Patches of 28 pixels (Claude)",
        (Native,),
        (
            ("Longer side", lambda rule: f"{_high(rule).edge:,} px"),
            ("Budget", lambda rule: f"{_high(rule).budget:,} patches"),
            ("Tokens", lambda rule: f"width x height ÷ {_high(rule).area}" if _high(rule).area else "one a patch"),
            ("Refused over", lambda rule: f"{_high(rule).longest:,} px"),
        ),
    ),
    ("Crops, or the same for any size (Gemini)", (Crops, Fixed), (*CHARGES, AUTO)),
)
"""Each way of counting: its title, the levels that count so, and the columns of its table."""
