"""Models that cost nothing: facts with dates and sources (free.toml)."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources

from vision.prices.price import FREE, Price


def free_price(model: str) -> Price | None:
    """The price 0 of a model or `provider/model` that its maker offers free of charge; None for any other."""
    return _prices().get(model.strip().lower().rpartition("/")[2])


@cache
def _prices() -> Mapping[str, Price]:
    facts = tomllib.loads(resources.files(__package__).joinpath("free.toml").read_text(encoding="utf-8"))
    return {
        model: replace(FREE, source=f"{fact['source']}, read {fact['read']}")
        for fact in facts["free"]
        for model in fact["models"]
    }
