"""The published rules as they stand in one file of facts a provider (openai.toml): dated, sourced, read once."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any

from vision.tokens.patches import Patches
from vision.tokens.tiles import Fixed, Tiles

Level = Patches | Tiles | Fixed

DETAILS = ("low", "high", "original")


@dataclass(frozen=True)
class Rule:
    """How one model's images are counted, and how well that is known."""

    name: str
    """`provider:model`; of an older rule set `provider:model@A`."""
    levels: Mapping[str, Level]
    """By level of detail, `auto` first."""
    auto: str
    """The level that `auto` stands for."""
    confirmed: bool
    """False: the provider has not published all of these numbers; `note` says which."""
    note: str
    source: str
    since: date | None
    until: date | None


NONE = Rule("none", dict.fromkeys(("auto", *DETAILS), Fixed(0)), "low", True, "", "", None, None)
"""For models that charge no tokens for images."""


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule, by its model; with `@` and the set's letter those of an older set, and the current ones again."""
    found = {"none": NONE}
    for provider, facts in _providers():
        found |= dict(_read(provider, facts))
    return found


@cache
def aliases() -> Mapping[str, str]:
    """Other names of models, each with the name that has the rule."""
    return {alias: model for _, facts in _providers() for alias, model in facts.get("aliases", {}).items()}


@cache
def unpublished() -> Mapping[str, str]:
    """Models whose provider does not say how they count images, each with what it says instead."""
    return {model: reason for _, facts in _providers() for model, reason in facts.get("unpublished", {}).items()}


@cache
def _providers() -> tuple[tuple[str, dict[str, Any]], ...]:
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith(".toml")]
    return tuple((file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8"))) for file in files)


def _read(provider: str, facts: dict[str, Any]) -> Iterator[tuple[str, Rule]]:
    for entry in facts["rules"]:
        for rule_set in entry["sets"]:
            for model in entry.get("multipliers") or entry["models"]:
                current = rule_set == facts["current"]
                rule = _rule(f"{provider}:{model}" + ("" if current else f"@{rule_set}"), facts, entry, rule_set)
                yield f"{model}@{rule_set}", rule
                if current:
                    yield model, rule


def _rule(name: str, facts: dict[str, Any], entry: dict[str, Any], rule_set: str) -> Rule:
    levels = _levels(entry, name.partition(":")[2].partition("@")[0])
    return Rule(
        name=name,
        levels={"auto": levels[entry["auto"]], **levels},
        auto=entry["auto"],
        confirmed=entry.get("confirmed", True),
        note=entry.get("note", ""),
        source=facts["sources"][entry["source"]],
        since=facts["sets"][rule_set].get("since"),
        until=facts["sets"][rule_set].get("until"),
    )


def _levels(entry: dict[str, Any], model: str) -> dict[str, Level]:
    if "multipliers" in entry:
        multiplier, limit = Fraction(entry["multipliers"][model]), entry.get("limit")
        given = {detail: entry[detail] for detail in DETAILS if detail in entry}
        return {detail: Patches(multiplier, size["side"], size.get("budget"), limit) for detail, size in given.items()}
    numbers = entry["base"], entry["tile"], entry["side"], entry["short"]
    if "square" in entry:
        return {"low": Tiles(*numbers), "high": Tiles(*numbers, entry["square"], entry["oblong"])}
    return {"low": Fixed(entry["base"], tiles=0), "high": Tiles(*numbers)}
