"""Which rule a model's images are counted by: one file of facts a provider (openai.toml), read once."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from fractions import Fraction
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from vision.errors import InvalidRequest
from vision.tokens.patches import Patches
from vision.tokens.tiles import Fixed, Tiles

Level = Patches | Tiles | Fixed

DETAILS = ("low", "high", "original")
SNAPSHOT = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")


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


@lru_cache(maxsize=1024)
def find_rule(model: str) -> str:
    """The name of the rule for a model, a dated snapshot of it, `provider/model`, or a rule; or `none`.

    InvalidRequest unknown_model, which names the nearest ones.
    """
    return get_rule(model).name


def get_rule(name: str) -> Rule:
    """A rule by any name that `find_rule` takes."""
    plain = _plain(name)
    if rule := _rules().get(plain):
        return rule
    raise InvalidRequest(_unknown(name, plain), code="unknown_model", param="model")


def _plain(model: str) -> str:
    """The model's own name: no provider, no fine-tuning suffix, no date of a snapshot, aliases resolved."""
    name = model.strip().lower().rpartition("/")[2]
    if name.startswith("ft:"):
        name = name.split(":")[1]
    name, at, rule_set = name.rpartition(":")[2].partition("@")
    name = SNAPSHOT.sub("", name)
    return _aliases().get(name, name) + at + rule_set.upper()


def _unknown(model: str, name: str) -> str:
    known = (rule for rule in _rules() if rule != "none" and "@" not in rule)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    nearest = f" Nearest: {', '.join(near)}." if near else ""
    return (
        f"How {model!r} counts images is not known.{nearest} In providers.toml set its image_tokens to a model that "
        f"counts alike, or to 'none' if its images cost no tokens."
    )


@cache
def _aliases() -> dict[str, str]:
    return {alias: model for _, facts in _providers() for alias, model in facts["aliases"].items()}


@cache
def _rules() -> dict[str, Rule]:
    """Every rule, by its model, with `@` and the set's letter for those of an older set."""
    free = dict.fromkeys(("auto", *DETAILS), Fixed(0))
    rules = {"none": Rule("none", free, "low", True, "", "", None, None)}
    for provider, facts in _providers():
        rules |= {rule.name.partition(":")[2]: rule for rule in _read(provider, facts)}
    return rules


@cache
def _providers() -> tuple[tuple[str, dict[str, Any]], ...]:
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith(".toml")]
    return tuple((file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8"))) for file in files)


def _read(provider: str, facts: dict[str, Any]) -> Iterator[Rule]:
    for entry in facts["rules"]:
        for rule_set in entry["sets"]:
            suffix = "" if rule_set == facts["current"] else f"@{rule_set}"
            for model in entry.get("multipliers") or entry["models"]:
                levels = _levels(entry, model)
                yield Rule(
                    name=f"{provider}:{model}{suffix}",
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
