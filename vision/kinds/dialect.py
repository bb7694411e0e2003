"""How a server wants a kind of call to be written: what its fields are called, and which ones it knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

SENT, OMITTED = "sent", "omitted"
FIELD = (SENT, OMITTED)
"""The values of a field that can be left out."""


@dataclass(frozen=True)
class Dialect:
    """The published one, unless settings or refusals say otherwise.

    `ceiling`: the field's name. `structure`: how JSON is asked for (`json_schema`, `json_object`, `tool`, `prompt`).
    `instructions`: the role of the prompt (`system`, `developer`, `user`). `extra_body`: members laid over every body;
    None takes one out.
    """

    ceiling: str = "max_completion_tokens"
    structure: str = "json_schema"
    instructions: str = "system"
    detail: str = SENT
    strict: str = SENT
    store: str = SENT
    extra_body: Mapping[str, object] = field(default_factory=dict)

    def with_(self, settings: Mapping[str, str]) -> Self:
        """The dialect with other values of its settings."""
        return replace(self, **settings) if settings else self  # type: ignore[arg-type] # names of fields

    def body(self, fields: dict[str, object]) -> dict[str, object]:
        """The fields of a request with `extra_body` laid over them."""
        if not self.extra_body:
            return fields
        return {name: value for name, value in {**fields, **self.extra_body}.items() if value is not None}


PUBLISHED = Dialect()


def in_words(prompt: str, schema: str) -> str:
    """The prompt with its schema, for servers that do not take schemas in a field of their own."""
    return f"{prompt}\n\nAnswer with JSON that fits this JSON Schema, and with nothing else:\n{schema}"
