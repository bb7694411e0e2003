"""Which models and levels of detail an estimate is about."""

from collections.abc import Sequence
from dataclasses import dataclass

from vision.errors import InvalidRequest
from vision.intake.context import IntakeContext
from vision.intake.order import Order
from vision.provider.catalogue import Lane
from vision.tokens import details, find_rule


@dataclass(frozen=True)
class EstimateRequest:
    """A job's fields, and for which models and details it is to be estimated; empty: see `offers`."""

    order: Order
    models: Sequence[str] = ()
    details: Sequence[str] = ()


@dataclass(frozen=True)
class Offer:
    """A model, its token rule, its lane if a provider here has it, and the details that are asked for and it has."""

    model: str
    rule: str
    lane: Lane | None
    details: tuple[str, ...]


def offers(context: IntakeContext, ask: EstimateRequest) -> list[Offer]:
    """By default the job's model, or every lane that serves the preset; its detail, or every level but `auto`.

    InvalidRequest unknown_model, preset_not_supported; unsupported_detail if none of the models has the level.
    """
    found = {offer.lane.name if offer.lane else offer.model: offer for offer in _models(context, ask)}
    wanted = tuple(dict.fromkeys(ask.details or ([ask.order.detail] if ask.order.detail else [])))
    _check_details(wanted, list(found.values()), "details" if ask.details else "detail")
    chosen = [_with_details(offer, wanted) for offer in found.values()]
    return [offer for offer in chosen if offer.details]


def _models(context: IntakeContext, ask: EstimateRequest) -> list[Offer]:
    order = ask.order
    names = ask.models or ([ask.order.model] if ask.order.model else [])
    if names:
        return [_offer(context, name, order) for name in names]
    context.catalogue.resolve(None, order.preset, asked=order.asks)
    return [_of_lane(lane) for lane in context.catalogue.lanes.values() if lane.serves(order.preset)]


def _offer(context: IntakeContext, model: str, order: Order) -> Offer:
    """At a provider here, or else by the token rule alone."""
    try:
        return _of_lane(context.catalogue.resolve(model, order.preset, asked=order.asks))
    except InvalidRequest as error:
        if error.code != "unknown_model" or not order.asks:
            raise
    rule = find_rule(model)
    return Offer(model, rule, None, details(rule))


def _of_lane(lane: Lane) -> Offer:
    return Offer(lane.model, lane.image_tokens, lane, lane.details)


def _check_details(wanted: Sequence[str], found: Sequence[Offer], param: str) -> None:
    known = list(dict.fromkeys(detail for offer in found for detail in offer.details))
    for detail in wanted:
        if detail not in known:
            raise InvalidRequest(
                f"None of the models knows detail {detail[:40]!r}; they know {', '.join(known)}.",
                code="unsupported_detail",
                param=param,
            )


def _with_details(offer: Offer, wanted: Sequence[str]) -> Offer:
    chosen = [detail for detail in wanted if detail in offer.details]
    every = [detail for detail in offer.details if detail != "auto"] or list(offer.details)
    return Offer(offer.model, offer.rule, offer.lane, tuple(chosen if wanted else every))
