"""Shutdown dates of models, as their makers have announced them (shutdowns.toml)."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources

SNAPSHOT = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")


def shutdown_date(model: str) -> date | None:
    """The day on which a model, snapshot, `provider/model` or fine-tuned model stops answering; None if none is known.

    A snapshot without a date of its own goes with its model. The day is that of the model's maker; a
    reseller may end it on another.
    """
    name = _plain(model)
    return _dates().get(name) or _dates().get(SNAPSHOT.sub("", name))


def _plain(model: str) -> str:
    """Without provider and fine-tuning suffix, but with the date of a snapshot."""
    name = model.strip().lower().rpartition("/")[2]
    if name.startswith("ft:"):
        name = name.split(":")[1]
    return name.rpartition(":")[2].partition("@")[0]


@cache
def _dates() -> Mapping[str, date]:
    facts = tomllib.loads(resources.files(__package__).joinpath("shutdowns.toml").read_text(encoding="utf-8"))
    return {model: entry["date"] for entry in facts["shutdowns"] for model in entry["models"]}
