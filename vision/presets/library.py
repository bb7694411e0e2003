"""The presets that come with Tessera, and presets made of callers' own prompts."""

import json
import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files

from vision.errors import InvalidRequest
from vision.presets import strict
from vision.presets.preset import Preset

MAX_PROMPT_LENGTH = 100_000
_FOLDER = files("vision.presets")
_CUSTOM = Preset(None, "Custom prompt", "", None, "high", max_output_tokens=1_000, expected_output_tokens=300)

NO_QUESTION = Preset(None, "No question", "", None, "auto", max_output_tokens=0, expected_output_tokens=0)
"""For models that take no question."""


@cache
def names() -> tuple[str, ...]:
    """All presets, in alphabetical order."""
    return tuple(sorted(folder.name for folder in _FOLDER.iterdir() if (folder / "preset.toml").is_file()))


def get(name: str) -> Preset:
    """A preset by its name; InvalidRequest `unknown_preset` lists those that exist."""
    if name not in names():
        raise InvalidRequest(
            f"There is no preset {name[:80]!r}. Use one of {', '.join(names())}, or send your own prompt.",
            code="unknown_preset",
            param="preset",
        )
    return _load(name)


def custom(prompt: str, schema: dict[str, object] | None = None, max_output_tokens: int | None = None) -> Preset:
    """A caller's own prompt; InvalidRequest `invalid_prompt`, `invalid_schema` or `invalid_max_output_tokens`."""
    if not prompt.strip() or len(prompt) > MAX_PROMPT_LENGTH or "\0" in prompt:
        raise InvalidRequest(
            f"The prompt must have from 1 to {MAX_PROMPT_LENGTH:,} characters and no NUL character.",
            code="invalid_prompt",
            param="prompt",
        )
    if schema is not None:
        strict.check(schema)
    limit = _CUSTOM.max_output_tokens if max_output_tokens is None else max_output_tokens
    return replace(_CUSTOM.limited_to(limit), prompt=prompt, schema=schema)


@cache
def _load(name: str) -> Preset:
    folder = _FOLDER / name
    return Preset(
        name=name,
        prompt=(folder / "prompt.md").read_text("utf-8").strip(),
        schema=json.loads((folder / "schema.json").read_text("utf-8")),
        **tomllib.loads((folder / "preset.toml").read_text("utf-8")),
    )
