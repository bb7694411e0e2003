"""Discounts of batches and flexible calls, as the providers publish them (tiers.toml)."""

import tomllib
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any


def batch_factor(rule: str) -> Decimal | None:
    """The part of its list price that a model costs in a batch, by the name of its image token rule ("openai:gpt-4o").

    None where the provider offers none for it, or where that is not known.
    """
    return _factor(rule, "batch")


def flex_factor(rule: str) -> Decimal | None:
    """As `batch_factor`, for calls that wait for spare capacity (`service_tier` flex)."""
    return _factor(rule, "flex")


def _factor(rule: str, tier: str) -> Decimal | None:
    provider, _, name = rule.partition(":")
    model = name.partition("@")[0]
    offer = _tiers().get(provider, {}).get(tier)
    if offer is None or model in offer.get("except", ()) or model not in offer.get("models", (model,)):
        return None
    factor: Decimal = offer["factor"]
    return factor


@cache
def _tiers() -> dict[str, Any]:
    data = resources.files(__package__).joinpath("tiers.toml").read_text(encoding="utf-8")
    return tomllib.loads(data, parse_float=Decimal)
