"""What can be asked for: models with their limits and prices, and presets."""

from typing import Any

from fastapi import APIRouter

from api.dependencies import JobsReader, Services
from api.views.lane import limits
from api.views.lists import page_of_dicts
from vision import presets
from vision.jobs.money import money
from vision.prices import Price, Usage
from vision.provider.catalogue import Lane
from vision.provider.shutdowns import shutdown_date
from vision.tokens import Rule, count_image, details, get_rule

router = APIRouter(prefix="/v1", tags=["catalogue"])

SIDE = 1024


@router.get("/models")
async def models(services: Services, tenant: JobsReader) -> dict[str, Any]:
    """Models on offer. A job may name `id`, or `model` for any provider that has it.

    `image_cost` is that of one image of 1024x1024 pixels at each detail; prices are those of now.
    """
    shown = [_model(lane) for lane in services.context.catalogue.lanes.values()]
    return page_of_dicts(shown, len(shown), "/v1/models")


@router.get("/presets")
async def every_preset(services: Services, tenant: JobsReader) -> dict[str, Any]:
    """Presets with their prompts and the schemas of their answers."""
    shown = [_preset(name) for name in presets.names()]
    return page_of_dicts(shown, len(shown), "/v1/presets")


def _model(lane: Lane) -> dict[str, Any]:
    ends = shutdown_date(lane.model)
    return {
        "id": lane.name,
        "object": "model",
        "model": lane.model,
        "provider": lane.provider.name,
        "owned_by": lane.provider.name,
        "api": lane.kind.name,
        "image_tokens": lane.image_tokens,
        "image_rule": _rule(get_rule(lane.image_tokens)),
        "image_cost": _image_cost(lane.image_tokens, lane.price),
        "details": list(lane.details),
        "price": _prices(lane),
        "limits": limits(lane),
        "presets": [name for name in presets.names() if lane.serves(name)],
        "custom_prompts": lane.serves(None),
        "shutdown_date": ends.isoformat() if ends else None,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "confirmed": rule.confirmed,
        "note": rule.note or None,
        "source": rule.source or None,
        "since": rule.since.isoformat() if rule.since else None,
        "until": rule.until.isoformat() if rule.until else None,
    }


def _image_cost(rule: str, price: Price | None) -> dict[str, Any]:
    """What one image of `SIDE` x `SIDE` pixels takes at each detail, in tokens and dollars, before text and answer."""
    tokens = {detail: count_image(rule, detail, SIDE, SIDE).tokens for detail in details(rule)}
    return {
        detail: {"tokens": count, "cost": money(price.cost(Usage(count, 0, count))) if price else None}
        for detail, count in tokens.items()
    }


def _prices(lane: Lane) -> dict[str, Any] | None:
    price = lane.price
    if price is None:
        return None
    return {
        "currency": "USD",
        "per_tokens": 1_000_000,
        "input": money(price.input),
        "cached_input": money(price.cached_input),
        "cache_write": None if price.cache_write is None else money(price.cache_write),
        "output": money(price.output),
        "batch": _reduced(lane.batch_price),
        "flex": _reduced(lane.flex_price),
        "source": price.source,
    }


def _reduced(price: Price | None) -> dict[str, str] | None:
    return {"input": money(price.input), "output": money(price.output)} if price else None


def _preset(name: str) -> dict[str, Any]:
    preset = presets.get(name)
    return {
        "id": name,
        "object": "preset",
        "title": preset.title,
        "prompt": preset.prompt,
        "schema": preset.schema,
        "detail": preset.detail,
        "max_output_tokens": preset.max_output_tokens,
        "expected_output_tokens": preset.expected_output_tokens,
        "fingerprint": preset.fingerprint,
    }
