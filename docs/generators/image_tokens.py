"""docs/image-tokens.md: prose from image_tokens.template, its placeholders filled in from rules and prices."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from generators import image_findings, image_fits, image_prices, image_rules
from generators.words import GENERATED, paragraph
from vision.tokens import count_image
from vision.tokens.facts import rules
from vision.tokens.formulas.patches import cover

TEMPLATE = Path(__file__).with_name("image_tokens.template")
_PLACEHOLDER = re.compile(r"\{\{([a-z ]+)\}\}")
_ADDRESS = re.compile(r"(?<![\w/])(?:[a-z]+\.)+[a-z]+/[\w./-]+")


def page() -> str:
    """The whole page."""
    return GENERATED + _PLACEHOLDER.sub(
        lambda found: PLACEHOLDERS[found[1]]().rstrip("\n"), TEMPLATE.read_text("utf-8")
    )


def _patch_example() -> str:
    width, height, model = 2048, 2048, "gpt-5.4"
    level: Any = rules()[model].levels["high"]
    counted = count_image(model, "high", width, height)
    text = (
        f"For example {width}x{height} on {model} at `high`: {cover(width, height):,} patches are more than its budget "
        f"of {level.budget:,}, so the image is scaled down to {counted.width}x{counted.height}, which is "
        f"{counted.patches:,} patches; times {float(level.multiplier):g} is {counted.tokens:,} tokens."
    )
    return paragraph(text)


def _tile_example() -> str:
    width, height, model = 1920, 1080, "gpt-4o"
    level: Any = rules()[model].levels["high"]
    counted = count_image(model, "high", width, height)
    return (
        f"For example {width}x{height} on {model}: scaled down to {counted.width}x{counted.height}, which is "
        f"{counted.tiles} tiles; {level.base} + {counted.tiles} times {level.tile} is {counted.tokens:,} tokens."
    )


def _changed() -> str:
    return _day(max(rule.since for rule in image_rules.current() if rule.since and rule.name.startswith("openai:")))


def _priced() -> str:
    return _day(image_prices.PRICED.date())


def _sources() -> str:
    """Where the rules and prices come from; addresses become links."""
    read = dict.fromkeys(rule.source for rule in sorted(rules().values(), key=image_rules.provider) if rule.source)
    prices = f"Prices: the package genai-prices, list prices of {_priced()}"
    return _ADDRESS.sub(r"<https://\g<0>>", "".join(f"- {source}.\n" for source in [*read, prices]))


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


PLACEHOLDERS: dict[str, Callable[[], str]] = {
    "patch example": _patch_example,
    "tile example": _tile_example,
    "unconfirmed": image_rules.unconfirmed,
    "unpublished": image_rules.without_rule,
    "changed": _changed,
    "rules": image_rules.following,
    "priced": _priced,
    "unpriced": image_prices.unpriced,
    "sizes": image_prices.sizes,
    "mini": image_findings.mini,
    "mini rate": image_findings.mini_rate,
    "low": image_findings.low,
    "comparison": image_findings.comparison,
    "snap": image_fits.snap,
    "max": image_fits.largest,
    "sources": _sources,
}
"""The text of each placeholder of the template."""
