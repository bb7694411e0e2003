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
    """A job's fields, and the models and details to estimate it for; if empty, see `offers`."""

    order: Order
    models: Sequence[str] = ()
    details: Sequence[str] = ()


@dataclass(frozen=True)
class Offer:
    """A model, its token rule, its lane if it is configured, and those requested details that it has."""

    model: str
    rule: str
    lane: Lane | None
    details: tuple[str, ...]


def offers(context: IntakeContext, request: EstimateRequest) -> list[Offer]:
    """By default the job's model, or every lane that serves the preset; the job's detail, or every level but `auto`.

    InvalidRequest unknown_model, preset_not_supported; unsupported_detail if none of the models has the level.
    """
    found = {offer.lane.name if offer.lane else offer.model: offer for offer in _models(context, request)}
    wanted = tuple(dict.fromkeys(request.details or ([request.order.detail] if request.order.detail else [])))
    _check_details(wanted, list(found.values()), "details" if request.details else "detail")
    chosen = [_with_details(offer, wanted) for offer in found.values()]
    return [offer for offer in chosen if offer.details]


def _models(context: IntakeContext, request: EstimateRequest) -> list[Offer]:
    order = request.order
    names = request.models or ([request.order.model] if request.order.model else [])
    if names:
        return [_offer(context, name, order) for name in names]
    context.catalogue.resolve(None, order.preset, has_question=order.has_question)
    return [_of_lane(lane) for lane in context.catalogue.lanes.values() if lane.serves(order.preset)]


def _offer(context: IntakeContext, model: str, order: Order) -> Offer:
    """The model of a configured lane, or else of the token rule alone."""
    try:
        return _of_lane(context.catalogue.resolve(model, order.preset, has_question=order.has_question))
    except InvalidRequest as error:
        if error.code != "unknown_model" or not order.has_question:
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
