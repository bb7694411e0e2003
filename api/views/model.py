"""Models on the wire: token rule, price, limits."""

from typing import Literal

from pydantic import BaseModel

from api.views.lane import Limits, limits
from api.views.lists import Listed
from vision import presets
from vision.jobs.money import money
from vision.prices import Price, Usage
from vision.provider.catalogue import Lane
from vision.provider.catalogue.shutdowns import shutdown_date
from vision.tokens import Rule, count_image, details, get_rule

SIDE = 1024


class ImageRule(BaseModel):
    """How the model's images are counted, and how well that is known."""

    name: str
    confirmed: bool
    note: str | None
    source: str | None
    since: str | None
    until: str | None


class ImageCost(BaseModel):
    """One image of 1024x1024 pixels, before text and answer; `cost` in dollars."""

    tokens: int
    cost: str | None


class ReducedPrice(BaseModel):
    """Dollars per million tokens, where a call may take longer."""

    input: str
    output: str


class ModelPrice(BaseModel):
    """Dollars per million tokens, as of now."""

    currency: Literal["USD"] = "USD"
    per_tokens: Literal[1_000_000] = 1_000_000
    input: str
    cached_input: str
    cache_write: str | None
    output: str
    batch: ReducedPrice | None
    flex: ReducedPrice | None
    source: str


class Model(Listed):
    """A model on offer; `id` names its lane."""

    object: Literal["model"] = "model"
    model: str
    provider: str
    owned_by: str
    api: str
    image_tokens: str
    image_rule: ImageRule
    image_cost: dict[str, ImageCost]
    details: list[str]
    price: ModelPrice | None
    limits: Limits
    presets: list[str]
    custom_prompts: bool
    shutdown_date: str | None


def view(lane: Lane) -> Model:
    """The model object of a lane."""
    ends = shutdown_date(lane.model)
    return Model(
        id=lane.name,
        model=lane.model,
        provider=lane.provider.name,
        owned_by=lane.provider.name,
        api=lane.kind.name,
        image_tokens=lane.image_tokens,
        image_rule=_rule(get_rule(lane.image_tokens)),
        image_cost=_image_cost(lane.image_tokens, lane.price),
        details=list(lane.details),
        price=lane.price and _price(lane, lane.price),
        limits=limits(lane),
        presets=[name for name in presets.names() if lane.serves(name)],
        custom_prompts=lane.serves(None),
        shutdown_date=ends.isoformat() if ends else None,
    )


def _rule(rule: Rule) -> ImageRule:
    return ImageRule(
        name=rule.name,
        confirmed=rule.confirmed,
        note=rule.note or None,
        source=rule.source or None,
        since=rule.since.isoformat() if rule.since else None,
        until=rule.until.isoformat() if rule.until else None,
    )


def _image_cost(rule: str, price: Price | None) -> dict[str, ImageCost]:
    tokens = {detail: count_image(rule, detail, SIDE, SIDE).tokens for detail in details(rule)}
    return {
        detail: ImageCost(tokens=count, cost=money(price.cost(Usage(count, 0, count))) if price else None)
        for detail, count in tokens.items()
    }


def _price(lane: Lane, price: Price) -> ModelPrice:
    return ModelPrice(
        input=money(price.input),
        cached_input=money(price.cached_input),
        cache_write=None if price.cache_write is None else money(price.cache_write),
        output=money(price.output),
        batch=_reduced(lane.batch_price),
        flex=_reduced(lane.flex_price),
        source=price.source,
    )


def _reduced(price: Price | None) -> ReducedPrice | None:
    return ReducedPrice(input=money(price.input), output=money(price.output)) if price else None
