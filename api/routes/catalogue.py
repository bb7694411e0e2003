"""What can be asked for: models with their limits and prices, and presets."""

from typing import Any

from fastapi import APIRouter

from api.dependencies import JobsReader, Opened
from api.views import page
from vision import presets
from vision.prices import Price
from vision.provider.catalogue import Lane
from vision.tokens import details

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.get("/models")
async def models(opened: Opened, tenant: JobsReader) -> dict[str, Any]:
    """Models on offer. A job may name `id`, or `model` for any provider that has it."""
    shown = [_model(lane) for lane in opened.desk.catalogue.lanes.values()]
    return page(shown, len(shown), "/v1/models")


@router.get("/presets")
async def every_preset(opened: Opened, tenant: JobsReader) -> dict[str, Any]:
    """Presets with their prompts and the schemas of their answers."""
    shown = [_preset(name) for name in presets.names()]
    return page(shown, len(shown), "/v1/presets")


def _model(lane: Lane) -> dict[str, Any]:
    return {
        "id": lane.name,
        "object": "model",
        "model": lane.model,
        "provider": lane.provider.name,
        "owned_by": lane.provider.name,
        "api": lane.provider.api,
        "image_tokens": lane.image_tokens,
        "details": list(details(lane.image_tokens)),
        "price": _price(lane.price) if lane.price else None,
        "limits": {"requests_per_minute": lane.rpm, "tokens_per_minute": lane.tpm},
        "presets": list(presets.names() if lane.presets is None else lane.presets),
        "custom_prompts": lane.serves(None),
    }


def _price(price: Price) -> dict[str, Any]:
    return {
        "currency": "USD",
        "per_tokens": 1_000_000,
        "input": f"{price.input:f}",
        "cached_input": f"{price.cached_input:f}",
        "output": f"{price.output:f}",
        "source": price.source,
    }


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
