"""All lanes: providers, models and limits, from providers.toml or from the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from vision.errors import ConfigurationError, InvalidRequest
from vision.provider.catalogue import entries
from vision.provider.catalogue.configured_lanes import lanes_of
from vision.provider.catalogue.lane import Lane, Provider

__all__ = ["Catalogue", "Lane", "Provider", "Sources", "configured", "load"]


class Catalogue:
    """Every lane, by name; the first one that serves a preset is its default."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self.lanes = lanes

    def lane(self, name: str) -> Lane:
        """A lane by its name; ConfigurationError if providers.toml does not have it."""
        try:
            return self.lanes[name]
        except KeyError:
            raise ConfigurationError(
                f"No provider offers {name!r}. Put it into providers.toml, or cancel its jobs."
            ) from None

    def resolve(self, model: str | None, preset: str | None, *, has_question: bool = True) -> Lane:
        """The lane of `provider/model`, of a model at any provider, or (None) the first that serves the preset.

        `has_question` False: the order has neither preset nor prompt, and so must name its model.
        """
        candidates = [lane for lane in self.lanes.values() if model in (None, lane.name, lane.model)]
        if not candidates:
            raise InvalidRequest(self._unknown(model), code="unknown_model", param="model")
        for lane in candidates:
            if lane.serves(preset, has_question=has_question) and (has_question or model):
                return lane
        raise _refusal(candidates[0], preset, has_question)

    def _unknown(self, model: str | None) -> str:
        if not self.lanes:
            return "No provider is configured. Set OPENAI_API_KEY, write a providers.toml, or install the offline one."
        return f"No provider offers the model {model!r}. Configured: {', '.join(self.lanes)}."


def _refusal(lane: Lane, preset: str | None, has_question: bool) -> InvalidRequest:
    if not has_question:
        return InvalidRequest("Send `preset` or `prompt`: one of the two.", code="preset_or_prompt", param="preset")
    what = preset or "a prompt of your own"
    served = f"it serves {', '.join(lane.presets or ())}" if lane.kind.prompted else "it is asked nothing: leave it out"
    return InvalidRequest(
        f"{lane.name} does not serve {what}; {served}.",
        code="preset_not_supported",
        param="preset" if preset else "prompt",
    )


class Sources(Protocol):
    """The settings that a catalogue is read from."""

    providers_file: Path
    openai_api_key: SecretStr | None
    openai_base_url: str | None
    local_url: str | None


def configured(settings: Sources) -> Catalogue:
    """The catalogue of these settings."""
    return load(
        settings.providers_file,
        openai_api_key=settings.openai_api_key,
        openai_base_url=settings.openai_base_url,
        local_url=settings.local_url,
    )


def load(
    path: Path,
    *,
    openai_api_key: SecretStr | None = None,
    openai_base_url: str | None = None,
    local_url: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Catalogue:
    """Read providers.toml if it is there; otherwise OPENAI_API_KEY gives `openai` with the limits of tier 1.

    `local` (the offline provider) is added when it runs. A ConfigurationError names the place of a mistake.
    """
    environment = {
        **environment,
        **({"OPENAI_API_KEY": openai_api_key.get_secret_value()} if openai_api_key else {}),
    }
    offered = entries.read(path) if path.is_file() else [entries.openai(openai_base_url)] if openai_api_key else []
    if local_url and all(entry.name != "local" for entry in offered):
        offered.append(entries.local(local_url))
    lanes: dict[str, Lane] = {}
    for entry in offered:
        for lane in lanes_of(entry, environment, assumed=not path.is_file()):
            if lane.name in lanes:
                raise ConfigurationError(f"{path}: {lane.name} stands there twice. Rename one of the providers.")
            lanes[lane.name] = lane
    return Catalogue(lanes)
