"""Reads the published rules: one file for each provider (openai.toml), with dates and sources."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from vision.tokens.formulas.levels import DETAILS, Level, read_levels
from vision.tokens.formulas.tiles import Fixed


@dataclass(frozen=True)
class Rule:
    """How one model's images are counted, and how well that is known."""

    name: str
    """`provider:model`; of an older rule set `provider:model@A`."""
    levels: Mapping[str, Level]
    """Level of detail → how it is counted; `auto` first."""
    auto: str
    """The level that `auto` stands for."""
    confirmed: bool
    """False: the provider has not published all of these numbers; `note` says which."""
    note: str
    source: str
    since: date | None
    until: date | None


@dataclass(frozen=True)
class Facts:
    """What one provider has published."""

    rules: Mapping[str, Rule]
    """Keys: the model (its newest rule), and the model, `@` and the letter of a set."""
    aliases: Mapping[str, str]
    """Other names of models → the name that has the rule."""
    unpublished: Mapping[str, str]
    """Models without a published rule → what is known instead."""
    version: re.Pattern[str]
    """Suffixes of a model's name other than the date of a snapshot."""


NONE = Rule("none", dict.fromkeys(("auto", *DETAILS), Fixed(0)), "low", True, "", "", None, None)
"""For models that charge no tokens for images."""


@cache
def providers() -> tuple[Facts, ...]:
    """The facts of each provider."""
    files = {file.name: file for file in resources.files(__package__).iterdir() if file.name.endswith(".toml")}
    return tuple(
        _read(name.removesuffix(".toml"), tomllib.loads(files[name].read_text("utf-8"))) for name in sorted(files)
    )


@cache
def rules() -> Mapping[str, Rule]:
    """The rules of all providers, as in `Facts.rules`, and `none`."""
    found = {"none": NONE}
    for facts in providers():
        found |= facts.rules
    return found


@cache
def unpublished() -> Mapping[str, str]:
    """Models without a published rule → what is known instead."""
    return {model: reason for facts in providers() for model, reason in facts.unpublished.items()}


def _read(provider: str, facts: dict[str, Any]) -> Facts:
    """Sets are ordered by age, so that a model's plain name ends up with its newest rule."""
    found: dict[str, Rule] = {}
    for rule_set in facts["sets"]:
        for model, rule in _rules_of(provider, facts, rule_set):
            found |= {f"{model}@{rule_set}": rule, model: rule}
    version = re.compile(f"(?:{facts['version']})$" if "version" in facts else "$")
    return Facts(found, facts.get("aliases", {}), facts.get("unpublished", {}), version)


def _rules_of(provider: str, facts: dict[str, Any], rule_set: str) -> Iterator[tuple[str, Rule]]:
    suffix = "" if rule_set == facts["current"] else f"@{rule_set}"
    for entry in facts["rules"]:
        if rule_set in entry["sets"]:
            for model in entry.get("multipliers") or entry["models"]:
                yield model, _rule(f"{provider}:{model}{suffix}", model, facts, entry, facts["sets"][rule_set])


def _rule(name: str, model: str, facts: dict[str, Any], entry: dict[str, Any], dates: dict[str, date]) -> Rule:
    levels = read_levels(entry, model)
    return Rule(
        name=name,
        levels={"auto": levels[entry["auto"]], **levels},
        auto=entry["auto"],
        confirmed=entry.get("confirmed", True),
        note=entry.get("note", ""),
        source=facts["sources"][entry["source"]],
        since=dates.get("since"),
        until=dates.get("until"),
    )
