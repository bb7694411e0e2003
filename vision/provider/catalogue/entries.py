"""The form of providers.toml: its fields, and errors that name the place of a mistake."""

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from vision.errors import ConfigurationError
from vision.kinds import KINDS


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise PydanticCustomError(
            "kind", "there is no such kind of calls; there are {known}", {"known": ", ".join(KINDS)}
        )
    return kind


KindName = Annotated[str, AfterValidator(_known)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=100)]
TPM_MISSING = "tpm_missing"
ImagePath = Literal["inline", "url"]


class ModelEntry(BaseModel):
    """`[provider.models."NAME"]`: the limits of one model under one key."""

    model_config = ConfigDict(extra="forbid")

    rpm: int = Field(gt=0)
    tpm: int | None = Field(None, gt=0)
    rpd: int | None = Field(None, gt=0)
    tpd: int | None = Field(None, gt=0)
    ipm: int | None = Field(None, gt=0)
    max_in_flight: int | None = Field(None, gt=0)
    price: Any = None
    image_tokens: str | None = None
    presets: list[str] | None = None
    kind: KindName | None = None
    """The kind of its calls; None: the provider's `api`."""


class ProviderEntry(BaseModel):
    """`[[provider]]`: one account at one OpenAI-compatible address."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)
    base_url: str = Field(pattern=r"^https?://")
    api_key_env: str | None = None
    api: KindName = "chat"
    images: ImagePath = "inline"
    share: float = Field(1.0, gt=0, le=1)
    price_factor: Decimal = Field(Decimal(1), ge=0)
    batch_factor: Decimal | None = Field(None, ge=0)
    flex_factor: Decimal | None = Field(None, ge=0)
    headers: dict[HeaderName, str] = {}
    """Of every call; a value `env:NAME` is read from the environment."""
    query: dict[str, str] = {}
    extra_body: dict[str, Any] = {}
    ceiling: Literal["max_completion_tokens", "max_tokens"] | None = None
    structure: Literal["json_schema", "json_object", "tool", "prompt"] | None = None
    instructions: Literal["system", "developer", "user"] | None = None
    omit: list[Literal["detail", "strict", "store"]] = []
    """Fields that its server does not take."""
    models: dict[str, ModelEntry] = Field(min_length=1)

    @model_validator(mode="after")
    def _token_limits(self) -> Self:
        for name, model in self.models.items():
            if model.tpm is None and KINDS[model.kind or self.api].by_tokens:
                raise PydanticCustomError(TPM_MISSING, "models.{model}.tpm: Field required", {"model": name})
        return self


def read(path: Path) -> list[ProviderEntry]:
    """Every provider of a providers.toml; ConfigurationError."""
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


def openai(base_url: str | None) -> ProviderEntry:
    """OpenAI with the limits of tier 1, for those who give no more than a key."""
    return _built_in("openai", {"base_url": base_url} if base_url else {})


def local(url: str) -> ProviderEntry:
    """The offline provider, running at `url`."""
    return _built_in("local", {"base_url": f"{url.rstrip('/')}/v1"})


def _built_in(name: str, known: dict[str, str]) -> ProviderEntry:
    return _entry(_defaults()[name] | known, f"built-in provider {name}")


@cache
def _defaults() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("defaults.toml").read_text(encoding="utf-8"))


def _entry(value: Any, place: str) -> ProviderEntry:
    try:
        return ProviderEntry.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or ("" if problem["type"] == TPM_MISSING else "value")
        remedy = _remedy(problem["type"], problem["loc"], problem["msg"])
        raise ConfigurationError(f"{': '.join(filter(None, (place, where, remedy)))}.") from None


def _remedy(kind: str, place: Sequence[int | str], message: str) -> str:
    if kind != "extra_forbidden":
        return message
    known = ModelEntry if place[0] == "models" else ProviderEntry
    return f"there is no such setting; there are {', '.join(known.model_fields)}"
