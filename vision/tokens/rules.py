"""Which rule a model's images are counted by, under any of the names that the model has."""

import re
from difflib import get_close_matches
from functools import lru_cache

from vision.errors import InvalidRequest
from vision.tokens.facts import Rule, aliases, rules, unpublished

SNAPSHOT = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")
SETTING = (
    "In providers.toml set its image_tokens to a model that counts alike, or to 'none' if its images cost no tokens."
)


@lru_cache(maxsize=1024)
def find_rule(model: str) -> str:
    """The name of the rule for a model, a dated snapshot of it, `provider/model`, or a rule; or `none`.

    InvalidRequest unknown_model: it names the nearest models, or says that the provider keeps its rule to itself.
    """
    return get_rule(model).name


def get_rule(name: str) -> Rule:
    """A rule by any name that `find_rule` takes."""
    plain = _plain(name)
    if rule := rules().get(plain):
        return rule
    reason = unpublished().get(plain)
    problem = f"How {name!r} counts images is not known." if reason is None else f"{name!r}: {reason}"
    raise InvalidRequest(f"{problem}{_nearest(plain)} {SETTING}", code="unknown_model", param="model")


def _plain(model: str) -> str:
    """The model's own name: no provider, no fine-tuning suffix, no date of a snapshot, aliases resolved."""
    name = model.strip().lower().rpartition("/")[2]
    if name.startswith("ft:"):
        name = name.split(":")[1]
    name, at, rule_set = name.rpartition(":")[2].partition("@")
    name = SNAPSHOT.sub("", name)
    return aliases().get(name, name) + at + rule_set.upper()


def _nearest(name: str) -> str:
    known = (model for model in rules() if model != "none" and "@" not in model)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    return f" Nearest: {', '.join(near)}." if near else ""
