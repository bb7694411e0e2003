"""Finds the rule that counts a model's images, by any of the model's names."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache

from vision.errors import InvalidRequest
from vision.tokens.facts import NONE, Facts, Rule, providers, rules

SNAPSHOT = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")
SETTING = (
    "In providers.toml set its image_tokens to a model that counts alike, or to 'none' if its images cost no tokens."
)


def find_rule(model: str) -> str:
    """The name of the rule for a model, a dated snapshot of it, `provider/model`, or a rule; or `none`.

    InvalidRequest unknown_model: it names the nearest models, or says that the provider publishes no rule.
    """
    return get_rule(model).name


@lru_cache(maxsize=1024)
def get_rule(name: str) -> Rule:
    """A rule by any name that `find_rule` takes."""
    model, rule_set = _parts(name)
    if model == "none":
        return NONE
    for facts in providers():
        for spelling in _spellings(model, facts):
            if rule := facts.rules.get(spelling + rule_set):
                return rule
            if reason := facts.unpublished.get(spelling):
                raise _unknown(f"{name!r}: {reason}", spelling)
    raise _unknown(f"How {name!r} counts images is not known.", model)


def _parts(name: str) -> tuple[str, str]:
    """The model's own name, without provider and fine-tuning suffix; `@` and the letter of a rule set, or nothing."""
    model = name.strip().lower().rpartition("/")[2]
    if model.startswith("ft:"):
        model = model.split(":")[1]
    model, at, letter = model.rpartition(":")[2].partition("@")
    return model, at + letter.upper()


def _spellings(model: str, facts: Facts) -> Iterator[str]:
    """The name as it is, without the date of a snapshot, and without the provider's own marks; aliases resolved."""
    for spelling in (model, SNAPSHOT.sub("", model), facts.version.sub("", model)):
        yield facts.aliases.get(spelling, spelling)


def _unknown(problem: str, model: str) -> InvalidRequest:
    near = _nearest(model)
    nearest = f" Nearest: {', '.join(near)}." if near else ""
    return InvalidRequest(f"{problem}{nearest} {SETTING}", code="unknown_model", param="model")


def _nearest(model: str) -> list[str]:
    """Up to three known models: first those that begin with the name, then those that look like it."""
    known = [name for name in rules() if name != "none" and "@" not in name]
    family = [name for name in known if model and name.startswith(f"{model}-")]
    return [*dict.fromkeys([*family, *get_close_matches(model, known, n=3, cutoff=0.5)])][:3]
