"""What images cost by the rules and the list prices: tables of docs/image-tokens.md."""

import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources
from textwrap import fill

from generators.image_rules import current, model, names
from generators.words import table
from vision.errors import ImageError
from vision.prices import list_price
from vision.tokens import count_image
from vision.tokens.facts import Rule
from vision.tokens.patches import Patches

PRICED = datetime(2026, 11, 22, tzinfo=UTC)
"""A fixed day, so that the page changes only when the rules or the price data do."""

SIZES = (
    (512, 512),
    (640, 480),
    (800, 800),
    (1024, 1024),
    (1080, 1920),
    (1920, 1080),
    (2048, 2048),
    (3000, 2000),
    (4032, 3024),
    (8000, 6000),
)
ONE_MEGAPIXEL = SIZES.index((1024, 1024))
REFUSED = "refused"
CENT = Decimal("0.01")


def sizes() -> str:
    """For each level of detail the tokens of common sizes, and the dollars of 100,000 images."""
    return "\n".join(
        f"### At {detail}\n\n{_tokens(detail)}\n{_dollars(detail)}" for detail in ("high", "low", "original")
    )


def unpriced() -> str:
    """Models that are left out, as a sentence."""
    found = [model(rule) for rule in current() if _input_price(model(rule)) is None]
    return fill(f"Without a list price, and so not in these tables: {', '.join(found)}.", 120) if found else ""


def mini() -> str:
    """gpt-4o-mini beside gpt-4o, now and at its first price."""
    header = ("", "Tokens", "Dollars a million", "Dollars an image", "100,000 images", "100,000 at `low`")
    rows = []
    for name in ("gpt-4o-mini", "gpt-4o", "gpt-4o-2024-05-13"):
        price = _price(name)
        high, low = (count_image(name, detail, 1024, 1024).tokens for detail in ("high", "low"))
        each = (high * price / 1_000_000).normalize()
        rows.append((name, f"{high:,}", f"{price:.2f}", f"{each:f}", _money(high, price), _money(low, price)))
    return table(header, rows, numbers_from=1)


def mini_rate() -> str:
    """How many images of one megapixel get through in a minute at the lowest paid tier."""
    defaults = tomllib.loads(resources.files("vision.provider").joinpath("defaults.toml").read_text("utf-8"))
    limits = defaults["openai"]["models"]
    rate = {
        name: limits[name]["tpm"] // count_image(name, "high", 1024, 1024).tokens for name in ("gpt-4o-mini", "gpt-4o")
    }
    text = (
        f"It fills the rate limit as well. At tier 1, {limits['gpt-4o-mini']['tpm']:,} tokens a minute, "
        f"{rate['gpt-4o-mini']} such images get through in a minute; gpt-4o, with {limits['gpt-4o']['tpm']:,}, takes "
        f"{rate['gpt-4o']}."
    )
    return fill(text, 120)


def low() -> str:
    """The models whose `low` has the larger budget, and what that does."""
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
    return f"{fill(text, 120)}\n\n{table(('', '`high`', '`low`', '`low` costs'), rows, numbers_from=1)}"


def _budget(rule: Rule, detail: str) -> int:
    level = rule.levels.get(detail)
    return level.budget or 0 if isinstance(level, Patches) else 0


def _tokens(detail: str) -> str:
    """Models with the same tokens share a row."""
    groups: dict[tuple[int | None, ...], list[Rule]] = {}
    for rule in _taking(detail):
        groups.setdefault(_row(rule, detail), []).append(rule)
    rows = [(names(group), *(_shown(tokens) for tokens in row)) for row, group in groups.items()]
    return table(("Tokens of one image", *_heads()), rows, numbers_from=1)


def _dollars(detail: str) -> str:
    """Cheapest first, by an image of one megapixel."""
    lines: dict[tuple[tuple[int | None, ...], Decimal], list[Rule]] = {}
    for rule in _taking(detail):
        lines.setdefault((_row(rule, detail), _price(model(rule))), []).append(rule)
    ordered = sorted(lines.items(), key=lambda line: (line[0][0][ONE_MEGAPIXEL] or 0) * line[0][1])
    rows = [
        (names(group), f"{price:.2f}", *(REFUSED if tokens is None else _money(tokens, price) for tokens in row))
        for (row, price), group in ordered
    ]
    return table(("Dollars per 100,000 images", "a million", *_heads()), rows, numbers_from=1)


def _taking(detail: str) -> Iterable[Rule]:
    """Rules that have the level, and whose model has a list price."""
    return [rule for rule in current() if detail in rule.levels and _input_price(model(rule)) is not None]


def _row(rule: Rule, detail: str) -> tuple[int | None, ...]:
    return tuple(_count(rule.name, detail, *size) for size in SIZES)


def _count(rule: str, detail: str, width: int, height: int) -> int | None:
    try:
        return count_image(rule, detail, width, height).tokens
    except ImageError:
        return None


def _input_price(name: str) -> Decimal | None:
    price = list_price(name, PRICED)
    return price.input if price else None


def _price(name: str) -> Decimal:
    price = _input_price(name)
    if price is None:
        raise LookupError(f"{name} has no list price as of {PRICED:%Y-%m-%d}.")
    return price


def _money(tokens: int, price: Decimal) -> str:
    """Dollars of 100,000 images, to the cent."""
    return f"{(tokens * price / 10).quantize(CENT, ROUND_HALF_UP):,}"


def _shown(tokens: int | None) -> str:
    return REFUSED if tokens is None else f"{tokens:,}"


def _heads() -> list[str]:
    return [f"{width}x{height}" for width, height in SIZES]
