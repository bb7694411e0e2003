"""The expected cost of the demo with a model that has a price, before anything is sent."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from cli.problems import Problem
from vision import presets
from vision.images.probe import probe
from vision.prices import Usage, list_price
from vision.tokens import count_image, find_rule
from vision.tokens.text import call_tokens


def cost(model: str, detail: str, work: Iterable[tuple[str, Path]]) -> Decimal:
    """The expected cost in dollars of asking each preset of its picture, at list prices."""
    price = list_price(model, datetime.now(UTC))
    if price is None:
        raise Problem(f"There is no list price for {model}, so that the demo cannot tell its cost first.")
    rule = find_rule(model)

    def one(preset_name: str, picture: Path) -> Decimal:
        preset, size = presets.get(preset_name), probe(picture.read_bytes())
        image = count_image(rule, detail, size.width, size.height).tokens
        text = call_tokens(preset.render("en"), preset.schema)
        return price.cost(Usage(image + text, preset.expected_output_tokens, image))

    return sum((one(preset, picture) for preset, picture in work), Decimal(0))
