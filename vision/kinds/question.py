"""A step's question about the images of an item, and its tokens besides those of the images."""

from dataclasses import dataclass
from functools import cached_property

import orjson

from vision.kinds.reading.answers import AnswerReader, reader


@dataclass(frozen=True)
class Question:
    """The same for all calls of a step. `name` names the schema: the preset, or `answer`.

    Tokens of one call: `text_tokens` of prompt and schema by our own count, `likely_text_tokens` as the provider has
    counted them, `likely_output_tokens` that 99 of 100 answers stay within (None: not known yet).
    """

    prompt: str
    name: str
    schema: dict[str, object] | None
    detail: str
    max_output_tokens: int
    text_tokens: int = 0
    likely_text_tokens: int = 0
    likely_output_tokens: int | None = None

    @cached_property
    def schema_json(self) -> orjson.Fragment:
        """The schema as JSON, serialised once for all calls."""
        return orjson.Fragment(orjson.dumps(self.schema))

    @cached_property
    def schema_text(self) -> str:
        """The schema as it stands in a prompt."""
        return orjson.dumps(self.schema).decode()

    @cached_property
    def answers(self) -> AnswerReader:
        """Reads the answers to it."""
        return reader(self.schema)
