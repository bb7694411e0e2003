"""An order: what a caller asks of every item; and the plan: the same, checked and made complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from vision import presets
from vision.errors import InvalidRequest
from vision.images.guard import Blocked
from vision.intake.desk import Desk
from vision.presets import Preset
from vision.provider.catalogue import Lane
from vision.tokens import details
from vision.tokens.text import call_tokens

FALLBACK_DETAILS = ("high", "auto", "low")


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job's fields as they were sent; items come separately."""

    preset: str | None = None
    prompt: str | None = None
    schema: dict[str, Any] | None = None
    model: str | None = None
    detail: str | None = None
    language: str = "en"
    max_output_tokens: int | None = None
    max_cost: Decimal | None = None
    priority: int = 0
    deadline_seconds: int | None = None
    webhook_url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How each item will be asked, where, and how many text tokens that takes."""

    order: Order
    preset: Preset
    lane: Lane
    detail: str
    prompt: str
    prompt_tokens: int


def plan(desk: Desk, order: Order) -> Plan:
    """Check an order against what is on offer; InvalidRequest names the field."""
    preset = _preset(order)
    lane = desk.catalogue.resolve(order.model, order.preset)
    if order.max_cost is not None and lane.price is None:
        raise InvalidRequest(
            f"No price is known for {lane.name}, so max_cost could not be kept. "
            "Set its price in providers.toml, or leave max_cost out.",
            code="unpriced_model",
            param="max_cost",
        )
    if order.webhook_url:
        _check_webhook(desk, order.webhook_url)
    prompt = preset.render(order.language)
    return Plan(
        order=order,
        preset=preset,
        lane=lane,
        detail=_detail(order, preset, lane),
        prompt=prompt,
        prompt_tokens=call_tokens(prompt, preset.schema),
    )


def _preset(order: Order) -> Preset:
    if (order.preset is None) == (order.prompt is None):
        raise InvalidRequest("Send `preset` or `prompt`: one of the two.", code="preset_or_prompt", param="preset")
    if order.prompt is not None:
        return presets.custom(order.prompt, order.schema, order.max_output_tokens)
    if order.schema is not None:
        message = "A preset brings its own schema; `schema` goes with `prompt`."
        raise InvalidRequest(message, code="preset_or_prompt", param="schema")
    preset = presets.get(order.preset or "")
    return preset if order.max_output_tokens is None else preset.limited_to(order.max_output_tokens)


def _detail(order: Order, preset: Preset, lane: Lane) -> str:
    """The detail asked for, or the preset's, or the best that the model knows."""
    known = details(lane.image_tokens)
    if order.detail is None:
        return next((each for each in (preset.detail, *FALLBACK_DETAILS) if each in known), known[0])
    if order.detail not in known:
        raise InvalidRequest(
            f"{lane.name} knows no detail {order.detail!r}; it knows {', '.join(known)}.",
            code="unsupported_detail",
            param="detail",
        )
    return order.detail


def _check_webhook(desk: Desk, url: str) -> None:
    try:
        desk.guard.check(url)
    except Blocked as error:
        raise InvalidRequest(f"webhook_url: {error.message}", code="webhook_url_blocked", param="webhook_url") from None
