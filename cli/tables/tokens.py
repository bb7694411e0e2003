"""Counts of image tokens as a table for people, with what they cost at list price."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache

from rich.table import Table

from cli.tables.figures import count as number
from cli.tables.figures import money, rounded_money
from cli.tables.token_counts import Count
from vision.prices import Price, Usage, list_price
from vision.tokens import ImageTokens, get_rule

MANY = 100_000
NOTHING = "-"
WORDS = ("image", "model", "detail")


def title(counts: Sequence[Count]) -> str:
    """The image, or the model, if all counts are of the same one; so that the table need not repeat it."""
    cells = [_cells(count, count.tokens) for count in counts if count.tokens]
    return ", ".join(cells[0][name] for name in _same(cells))


def table(counts: Sequence[Count]) -> Table:
    """One row for each count without an error; there must be one."""
    cells = [_cells(count, count.tokens) for count in counts if count.tokens]
    unchanged = {"sent as"} if all(row["sent as"] == NOTHING for row in cells) else set()
    names = [name for name in cells[0] if name not in {*_same(cells), *unchanged}]
    rows = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        rows.add_column(name, justify="left" if name in WORDS else "right", no_wrap=True)
    for row in cells:
        rows.add_row(*(row[name] for name in names))
    return rows


def _same(cells: Sequence[dict[str, str]]) -> list[str]:
    return [name for name in ("image", "model") if len({row[name] for row in cells}) == 1]


def notes(counts: Sequence[Count]) -> Iterator[str]:
    """Notes on the table, a sentence or two each."""
    counted = {count.model: count.tokens.confirmed for count in counts if count.tokens}
    for model, confirmed in counted.items():
        if not confirmed:
            yield f"* {model} is counted by a rule that its provider has not confirmed. {get_rule(model).note}"
        if _price(model) is None:
            yield f"No list price is known for {model}."


def _cells(count: Count, tokens: ImageTokens) -> dict[str, str]:
    """Header → cell."""
    price, fitted = _price(count.model), count.sent not in {None, count.picture.size}
    return {
        "image": _name(count),
        "model": count.model,
        "detail": _detail(count),
        "tokens": number(tokens.tokens) + ("" if tokens.confirmed else "*"),
        "sent as": _size(count.sent) if count.sent and fitted else NOTHING,
        "seen as": _size((tokens.width, tokens.height)),
        "made of": _parts(tokens),
        "per image": money(price.cost(Usage(tokens.tokens, 0))) if price else NOTHING,
        f"per {number(MANY)}": rounded_money(price.cost(Usage(MANY * tokens.tokens, 0))) if price else NOTHING,
    }


def _name(count: Count) -> str:
    """The argument; for a file also its size."""
    picture = count.picture
    return f"{picture.name} ({_size(picture.size)})" if picture.size and "file" in picture.facts else picture.name


def _detail(count: Count) -> str:
    """The level of detail; `auto` with the level that it stands for."""
    auto = get_rule(count.model).auto
    return {"auto": f"auto ({auto})", auto: f"{auto} (auto)"}.get(count.detail, count.detail)


def _parts(tokens: ImageTokens) -> str:
    for amount, one, many in ((tokens.patches, "patch", "patches"), (tokens.tiles, "tile", "tiles")):
        if amount:
            return f"{number(amount)} {one if amount == 1 else many}"
    return NOTHING


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@cache
def _price(model: str) -> Price | None:
    return list_price(model, datetime.now(UTC))
