"""Providers, their models and limits: from providers.toml, or what the environment alone gives.

A lane is one provider key and model: one rate limit, one queue.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from vision.errors import ConfigurationError, InvalidRequest, TesseraError
from vision.presets import names as preset_names
from vision.prices import FREE, Price, list_price, parse_price
from vision.tokens import find_rule

Api = Literal["chat", "responses"]
ImagePath = Literal["inline", "url"]


class ModelEntry(BaseModel):
    """`[provider.models."NAME"]`: the limits of one model under one key."""

    model_config = ConfigDict(extra="forbid")

    rpm: int = Field(gt=0)
    tpm: int = Field(gt=0)
    price: Any = None
    image_tokens: str | None = None
    presets: list[str] | None = None


class ProviderEntry(BaseModel):
    """`[[provider]]`: one account at one OpenAI-compatible address."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)
    base_url: str = Field(pattern=r"^https?://")
    api_key_env: str | None = None
    api: Api = "chat"
    images: ImagePath = "inline"
    share: float = Field(1.0, gt=0, le=1)
    price_factor: Decimal = Field(Decimal(1), ge=0)
    models: dict[str, ModelEntry] = Field(min_length=1)


@dataclass(frozen=True)
class Provider:
    """Where and how calls are made."""

    name: str
    base_url: str
    api_key: SecretStr
    api: Api
    images: ImagePath


@dataclass(frozen=True)
class Lane:
    """One model at one provider: requests and tokens per minute that Tessera may use, token rule and price."""

    name: str
    provider: Provider
    model: str
    rpm: int
    tpm: int
    image_tokens: str
    price: Price | None
    presets: tuple[str, ...] | None

    def serves(self, preset: str | None) -> bool:
        """Whether the model takes this preset (None: a prompt of the caller's own)."""
        return self.presets is None or preset in self.presets


class Catalogue:
    """Every lane, by name; the first one that serves a preset is its default."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self.lanes = lanes

    def lane(self, name: str) -> Lane:
        """A lane by its name; ConfigurationError if providers.toml no longer has it."""
        try:
            return self.lanes[name]
        except KeyError:
            raise ConfigurationError(
                f"No provider offers {name!r} any more. Put it back into providers.toml, or cancel its jobs."
            ) from None

    def resolve(self, model: str | None, preset: str | None) -> Lane:
        """`provider/model`, a model at any provider, or (None) the first model that serves the preset."""
        candidates = [lane for lane in self.lanes.values() if model in (None, lane.name, lane.model)]
        if not candidates:
            raise InvalidRequest(self._unknown(model), code="unknown_model", param="model")
        for lane in candidates:
            if lane.serves(preset):
                return lane
        raise InvalidRequest(
            f"{candidates[0].name} does not serve {preset or 'a prompt of your own'}; "
            f"it serves {', '.join(candidates[0].presets or ())}.",
            code="preset_not_supported",
            param="preset" if preset else "prompt",
        )

    def _unknown(self, model: str | None) -> str:
        if not self.lanes:
            return "No provider is configured. Set OPENAI_API_KEY, write a providers.toml, or install the offline one."
        return f"No provider offers the model {model!r}. Configured: {', '.join(self.lanes)}."


class Sources(Protocol):
    """The settings that say what is on offer."""

    providers_file: Path
    openai_api_key: SecretStr | None
    openai_base_url: str | None
    local_url: str | None


def configured(settings: Sources) -> Catalogue:
    """What these settings offer."""
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

    `local` (the offline provider) is added when it runs. Anything wrong is a ConfigurationError that names the place.
    """
    environment = {
        **environment,
        **({"OPENAI_API_KEY": openai_api_key.get_secret_value()} if openai_api_key else {}),
    }
    entries = _read(path) if path.is_file() else _built_in(bool(openai_api_key), openai_base_url)
    if local_url and all(entry.name != "local" for entry in entries):
        local = _defaults()["local"] | {"base_url": f"{local_url.rstrip('/')}/v1"}
        entries.append(_entry(local, "built-in provider local"))
    lanes: dict[str, Lane] = {}
    for entry in entries:
        for lane in _lanes(entry, environment):
            if lane.name in lanes:
                raise ConfigurationError(f"{path}: {lane.name} stands there twice. Rename one of the providers.")
            lanes[lane.name] = lane
    return Catalogue(lanes)


def _read(path: Path) -> list[ProviderEntry]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    if unknown := sorted(set(document) - {"provider"}):
        raise ConfigurationError(f"{path}: unknown table {unknown[0]!r}; providers are [[provider]] tables.")
    providers = document.get("provider")
    if not isinstance(providers, list) or not providers:
        raise ConfigurationError(f"{path} has no [[provider]] table.")
    return [_entry(provider, f"{path}: provider {number}") for number, provider in enumerate(providers, 1)]


def _entry(value: Any, place: str) -> ProviderEntry:
    try:
        return ProviderEntry.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "value"
        raise ConfigurationError(
            f"{place}: {where}: {_remedy(problem['type'], problem['loc'], problem['msg'])}."
        ) from None


def _remedy(kind: str, place: Sequence[int | str], message: str) -> str:
    if kind != "extra_forbidden":
        return message
    known = ModelEntry if place[0] == "models" else ProviderEntry
    return f"there is no such setting; there are {', '.join(known.model_fields)}"


@cache
def _defaults() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("defaults.toml").read_text(encoding="utf-8"))


def _built_in(has_key: bool, base_url: str | None) -> list[ProviderEntry]:
    if not has_key:
        return []
    entry = dict(_defaults()["openai"])
    return [_entry(entry | ({"base_url": base_url} if base_url else {}), "built-in provider openai")]


def _lanes(entry: ProviderEntry, environment: Mapping[str, str]) -> list[Lane]:
    key = environment.get(entry.api_key_env, "") if entry.api_key_env else "none"
    if not key:
        raise ConfigurationError(
            f"Provider {entry.name}: the environment variable {entry.api_key_env} is not set. "
            "Set it to the provider's API key, or take the provider out of providers.toml."
        )
    provider = Provider(entry.name, entry.base_url, SecretStr(key), entry.api, entry.images)
    return [_lane(provider, name, model, entry) for name, model in entry.models.items()]


def _lane(provider: Provider, model: str, limits: ModelEntry, entry: ProviderEntry) -> Lane:
    name = f"{provider.name}/{model}"
    return Lane(
        name=name,
        provider=provider,
        model=model,
        rpm=max(1, int(limits.rpm * entry.share)),
        tpm=max(1, int(limits.tpm * entry.share)),
        image_tokens=_rule(name, model, limits),
        price=_price(name, model, limits, entry.price_factor),
        presets=_presets(name, limits),
    )


def _rule(name: str, model: str, limits: ModelEntry) -> str:
    try:
        return find_rule(limits.image_tokens or model)
    except TesseraError as error:
        raise ConfigurationError(f"{name}: {error.message}") from None


def _presets(name: str, limits: ModelEntry) -> tuple[str, ...] | None:
    if limits.presets is None:
        return None
    if unknown := sorted(set(limits.presets) - set(preset_names())):
        raise ConfigurationError(
            f"{name}: presets: there is no preset {unknown[0]!r}; there are {', '.join(preset_names())}."
        )
    return tuple(limits.presets)


def _price(name: str, model: str, limits: ModelEntry, factor: Decimal) -> Price | None:
    if limits.price == "free":
        return FREE
    if limits.price is None:
        return list_price(model, datetime.now(UTC), factor)
    if not isinstance(limits.price, Mapping):
        raise ConfigurationError(
            f"{name}: price = {limits.price!r} is not a price. In dollars per million tokens give "
            '{ input = "0.15", output = "0.60" }; or give "free".'
        )
    try:
        return parse_price(limits.price)
    except TesseraError as error:
        raise ConfigurationError(f"{name}: {error.message}") from None
