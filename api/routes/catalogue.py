"""What can be asked for: models with their limits and prices, and presets."""

from fastapi import APIRouter

from api.dependencies import JobsReader, Services
from api.views import model, preset
from api.views.lists import Page, page
from api.views.model import Model
from api.views.preset import Preset
from vision import presets

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.get("/models")
async def models(services: Services, tenant: JobsReader) -> Page[Model]:
    """Models on offer. A job may name `id`, or `model` for any provider that has it.

    `image_cost` is that of one image of 1024x1024 pixels at each detail; prices are those of now.
    """
    shown = [model.view(lane) for lane in services.context.catalogue.lanes.values()]
    return page(shown, len(shown), "/v1/models")


@router.get("/presets")
async def every_preset(services: Services, tenant: JobsReader) -> Page[Preset]:
    """Presets with their prompts and the schemas of their answers."""
    shown = [preset.view(name) for name in presets.names()]
    return page(shown, len(shown), "/v1/presets")
