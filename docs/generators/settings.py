"""docs/reference/settings.md: the fields of Settings and of providers.toml."""

from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from cli.connection import ConnectionSettings
from generators.words import GENERATED, table, words
from vision.provider.catalogue.entries import ModelEntry, ProviderEntry
from vision.settings import Settings

MADE = {"workers": "CPU count"}
"""Defaults that differ from machine to machine."""

LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}

INTRODUCTION = """# Settings

Environment variables. A `.env` file in the working directory is read as well; the environment wins. An empty variable
counts as unset.

"""
COMMANDS = """
## Of the commands only

`tessera submit`, `watch`, `results`, `keys` and `providers` talk to a running service.

"""
PROVIDERS = """
## providers.toml

Without this file, `OPENAI_API_KEY` alone gives a provider `openai` with the models and limits in
`vision/provider/catalogue/defaults.toml` (tier 1). With it, only what it lists is offered, and the offline provider
`local` if its packages are installed and the file names no provider `local` of its own.

An example is in the [README](../../README.md#providers). API keys stay in the environment: the file names the variable.

### `[[provider]]`

"""
MODELS = """
### `[provider.models."NAME"]`

"""


def page() -> str:
    """The whole page."""
    own = {name: field for name, field in ConnectionSettings.model_fields.items() if name not in Settings.model_fields}
    return "".join(
        [
            GENERATED,
            INTRODUCTION,
            _settings(Settings.model_fields),
            COMMANDS,
            _settings(own),
            PROVIDERS,
            _entries(ProviderEntry.model_fields, words("provider")),
            MODELS,
            _entries(ModelEntry.model_fields, words("model")),
        ]
    )


def undescribed() -> list[str]:
    """Fields of providers.toml without a sentence in words.toml, and sentences without a field."""
    tables = {"provider": ProviderEntry.model_fields.keys(), "model": ModelEntry.model_fields.keys()}
    odd = {name: fields ^ words(name).keys() for name, fields in tables.items()}
    return [
        f"docs/generators/words.toml: [{name}] and the code disagree on {field}."
        for name in odd
        for field in sorted(odd[name])
    ]


def _settings(fields: dict[str, FieldInfo]) -> str:
    rows = [(_names(name, field), _default(name, field), _meaning(field)) for name, field in fields.items()]
    return table(("Variable", "Default", "Meaning"), rows)


def _names(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    names = alias.choices if isinstance(alias, AliasChoices) else [f"TESSERA_{name}".upper()]
    return ", ".join(f"`{each}`" for each in names)


def _default(name: str, field: FieldInfo) -> str:
    if name in MADE:
        return MADE[name]
    return "" if field.default is None else f"`{_written(field.default)}`"


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meaning(field: FieldInfo) -> str:
    limits = [
        f"{LIMITS[name]} {getattr(rule, name):g}" for rule in field.metadata for name in LIMITS if hasattr(rule, name)
    ]
    return (field.description or "") + (f" ({', '.join(limits)})" if limits else "")


def _entries(fields: dict[str, FieldInfo], meanings: dict[str, Any]) -> str:
    rows = [(f"`{name}`", _needed(field), meanings.get(name, "")) for name, field in fields.items()]
    return table(("Field", "Default", "Meaning"), rows)


def _needed(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "" if field.default is None else f"`{_written(field.default)}`"
