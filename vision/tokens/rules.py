"""Which rule a model's images are counted by: rules.toml, read once and looked up by name."""

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

CURRENT = "B"
DETAILS = ("auto", "low", "high", "original")
SNAPSHOT = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")


@dataclass(frozen=True)
class Rule:
    """How one model's images are counted, and how well that is known."""

    name: str
    """`provider:model`; of an older rule set `provider:model@A`."""
    levels: Mapping[str, Level]
    """By level of detail, `auto` among them."""
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
    name = _plain(model)
    if rule := _rules().get(name):
        return rule.name
    raise InvalidRequest(_unknown(model, name), code="unknown_model", param="model")


def get_rule(name: str) -> Rule:
    """A rule by any name that `find_rule` takes."""
    return _rules()[_plain(find_rule(name))]


def _plain(model: str) -> str:
    """The model's own name: no provider, no fine-tuning suffix, no date of a snapshot, aliases resolved."""
    name = model.strip().lower().rpartition("/")[2]
    if name.startswith("ft:"):
        name = name.split(":")[1]
    name, at, rule_set = name.rpartition(":")[2].partition("@")
    name = SNAPSHOT.sub("", name)
    return _document()["aliases"].get(name, name) + at + rule_set.upper()


def _unknown(model: str, name: str) -> str:
    near = get_close_matches(
        name, (known for known in _rules() if known != "none" and "@" not in known), n=3, cutoff=0.5
    )
    nearest = f" Nearest: {', '.join(near)}." if near else ""
    return (
        f"How {model!r} counts images is not known.{nearest} Give the model another that counts alike as "
        f"image_tokens in providers.toml, or 'none' if its images cost no tokens."
    )


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("rules.toml").read_text(encoding="utf-8"))


@cache
def _rules() -> dict[str, Rule]:
    """Every rule, by model, and with `@` and the set's name for those of an older set."""
    free = Rule("none", dict.fromkeys(DETAILS, Fixed(0)), "low", True, "", "", None, None)
    return {"none": free} | {rule.name.partition(":")[2]: rule for rule in _read(_document())}


def _read(document: dict[str, Any]) -> Iterator[Rule]:
    for entry in document["rules"]:
        levels = _tile_levels(entry) if "tile" in entry else _patch_levels(entry)
        levels = {"auto": levels[entry["auto"]]} | levels
        for rule_set in entry["sets"]:
            dates = document["sets"][rule_set]
            for model in entry["models"]:
                yield Rule(
                    name=f"{entry['provider']}:{model}" + ("" if rule_set == CURRENT else f"@{rule_set}"),
                    levels=levels,
                    auto=entry["auto"],
                    confirmed=entry.get("confirmed", True),
                    note=entry.get("note", ""),
                    source=document["sources"][entry["source"]],
                    since=dates.get("since"),
                    until=dates.get("until"),
                )


def _patch_levels(entry: dict[str, Any]) -> dict[str, Level]:
    multiplier, limit = Fraction(entry["multiplier"]), entry.get("limit")
    return {
        detail: Patches(multiplier, entry[detail]["side"], entry[detail].get("budget"), limit)
        for detail in DETAILS
        if detail in entry and detail != "auto"
    }


def _tile_levels(entry: dict[str, Any]) -> dict[str, Level]:
    numbers = entry["base"], entry["tile"], entry["side"], entry["short"]
    if "square" in entry:
        return {"low": Tiles(*numbers), "high": Tiles(*numbers, entry["square"], entry["oblong"])}
    return {"low": Fixed(entry["base"], tiles=0), "high": Tiles(*numbers)}
