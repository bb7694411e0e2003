"""Presets on the wire."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from api.views.lists import Listed
from vision import presets

Schema = Mapping[str, object]


class Preset(Listed):
    """A preset with its prompt and the JSON schema of its answers."""

    object: Literal["preset"] = "preset"
    title: str
    prompt: str
    answer_schema: Schema | None = Field(serialization_alias="schema")
    detail: str
    max_output_tokens: int
    expected_output_tokens: int
    fingerprint: str


def view(name: str) -> Preset:
    """The preset object."""
    preset = presets.get(name)
    return Preset(
        id=name,
        title=preset.title,
        prompt=preset.prompt,
        answer_schema=preset.schema,
        detail=preset.detail,
        max_output_tokens=preset.max_output_tokens,
        expected_output_tokens=preset.expected_output_tokens,
        fingerprint=preset.fingerprint,
    )
