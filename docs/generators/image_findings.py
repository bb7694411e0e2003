"""Surprising prices of images: tables and sentences of docs/image-tokens.md."""

import tomllib
from importlib import resources

from generators.image_prices import SIZES, dollars, listed, rate
from generators.image_rules import current, model, names
from generators.words import paragraph, table
from vision.tokens import count_image, get_rule
from vision.tokens.facts import Rule
from vision.tokens.formulas.patches import Patches

ANSWER = 100
CLAIMED = (
    ("gpt-4o", "5,000+"),
    ("claude-3-5-sonnet", "3,000+"),
    ("gemini-1.5-pro", "3,500+"),
    ("gpt-4o-mini", "150+"),
)
"""Dollars for 100,000 images, as a guide of February 2025 claims."""


def mini() -> str:
    """gpt-4o-mini beside gpt-4o, now and at its first price."""
    header = ("", "Tokens", "Dollars a million", "Dollars an image", "100,000 images", "100,000 at `low`")
    rows = []
    for name in ("gpt-4o-mini", "gpt-4o", "gpt-4o-2024-05-13"):
        price = listed(name).input
        high, low = (count_image(name, detail, 1024, 1024).tokens for detail in ("high", "low"))
        each = (high * price / 1_000_000).normalize()
        rows.append(
            (name, f"{high:,}", rate(price), f"{each:f}", f"{dollars(high, price):,}", f"{dollars(low, price):,}")
        )
    return table(header, rows, numbers_from=1)


def mini_rate() -> str:
    """How many images of one megapixel the lowest paid tier allows in a minute."""
    defaults = tomllib.loads(resources.files("vision.provider.catalogue").joinpath("defaults.toml").read_text("utf-8"))
    limits = defaults["openai"]["models"]
    images = {
        name: limits[name]["tpm"] // count_image(name, "high", 1024, 1024).tokens for name in ("gpt-4o-mini", "gpt-4o")
    }
    text = (
        f"It fills the rate limit as well. At tier 1, {limits['gpt-4o-mini']['tpm']:,} tokens a minute, "
        f"{images['gpt-4o-mini']} such images get through in a minute; gpt-4o, with {limits['gpt-4o']['tpm']:,}, takes "
        f"{images['gpt-4o']}."
    )
    return paragraph(text)


def low() -> str:
    """The models whose `low` has the larger budget, and what that costs."""
    found = [rule for rule in current() if _budget(rule, "low") > _budget(rule, "high")]
    first = model(found[0])
    budgets = f"{_budget(found[0], 'low'):,} patches at `low` and {_budget(found[0], 'high'):,} at `high`"
    rows = []
    for width, height in SIZES:
        less, more = (count_image(first, detail, width, height).tokens for detail in ("high", "low"))
        if more > less:
            rows.append((f"{width}x{height}", f"{less:,}", f"{more:,}", f"{100 * (more - less) / less:.0f} % more"))
    text = (
        f"{names(found)} allow {budgets}, both within the same largest side: the guide has it so. An image between the "
        f"two is shrunk at `high` and not at `low`. Small images cost the same at both levels. Of the sizes above "
        f"these cost more at the lower one:"
    )
    return f"{paragraph(text)}\n\n" + table(("", "`high`", "`low`", "`low` costs"), rows, numbers_from=1)


def comparison() -> str:
    """Four models that were often compared in 2025: 100,000 images of one megapixel, and the costs claimed then."""
    header = ("", "Tokens", "Dollars a million", "Images", f"and {ANSWER} tokens of answer each", "As claimed")
    rows = []
    for name, claimed in CLAIMED:
        price, tokens = listed(name), count_image(name, "high", 1024, 1024).tokens
        images, answers = dollars(tokens, price.input), dollars(ANSWER, price.output)
        label = names([get_rule(name)])
        rows.append((label, f"{tokens:,}", rate(price.input), f"{images:,}", f"{images + answers:,}", claimed))
    return table(header, rows, numbers_from=1)


def _budget(rule: Rule, detail: str) -> int:
    level = rule.levels.get(detail)
    return level.budget or 0 if isinstance(level, Patches) else 0
