"""Costs of images of common sizes: tables of docs/image-tokens.md."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from generators.image_rules import current, model, names
from generators.words import paragraph, table
from vision.errors import ImageError
from vision.prices import Price, list_price
from vision.tokens import count_image
from vision.tokens.facts import Rule

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
    found = [model(rule) for rule in current() if not _is_listed(rule)]
    return paragraph(f"Without a list price, and so not in these tables: {', '.join(found)}.") if found else ""


def listed(name: str) -> Price:
    """The list price of a model on that day; LookupError if it has none."""
    price = list_price(name, PRICED)
    if price is None:
        raise LookupError(f"{name} has no list price as of {PRICED:%Y-%m-%d}.")
    return price


def dollars(tokens: int, price: Decimal) -> Decimal:
    """100,000 times those tokens, to the cent."""
    return (tokens * price / 10).quantize(CENT, ROUND_HALF_UP)


def rate(price: Decimal) -> str:
    """0.15, 2.50 and 0.075."""
    return f"{price:.3f}".removesuffix("0")


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
        lines.setdefault((_row(rule, detail), listed(model(rule)).input), []).append(rule)
    ordered = sorted(lines.items(), key=lambda line: (line[0][0][ONE_MEGAPIXEL] or 0) * line[0][1])
    rows = [
        (names(group), rate(price), *(REFUSED if tokens is None else f"{dollars(tokens, price):,}" for tokens in row))
        for (row, price), group in ordered
    ]
    return table(("Dollars per 100,000 images", "a million", *_heads()), rows, numbers_from=1)


def _taking(detail: str) -> Iterable[Rule]:
    """Rules that have the level, and whose model has a list price."""
    return [rule for rule in current() if detail in rule.levels and _is_listed(rule)]


def _row(rule: Rule, detail: str) -> tuple[int | None, ...]:
    return tuple(_count(rule.name, detail, *size) for size in SIZES)


def _count(rule: str, detail: str, width: int, height: int) -> int | None:
    try:
        return count_image(rule, detail, width, height).tokens
    except ImageError:
        return None


def _is_listed(rule: Rule) -> bool:
    return list_price(model(rule), PRICED) is not None


def _shown(tokens: int | None) -> str:
    return REFUSED if tokens is None else f"{tokens:,}"


def _heads() -> list[str]:
    return [f"{width}x{height}" for width, height in SIZES]
