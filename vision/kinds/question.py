"""What is asked about the images of every item of a job, and how many tokens that takes beside the images."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from vision.kinds.answers import AnswerReader, reader


@dataclass(frozen=True)
class Question:
    """One for all calls of a job. `name` names the schema: the preset, or `answer`.

    Tokens of one call: `text_tokens` of prompt and schema by our own count, `likely_text_tokens` as the provider has
    counted them, `likely_output_tokens` that 99 of 100 answers stay within (None: not known yet).
    """

    prompt: str
    name: str
    schema: dict[str, Any] | None
    detail: str
    max_output_tokens: int
    text_tokens: int = 0
    likely_text_tokens: int = 0
    likely_output_tokens: int | None = None

    @cached_property
    def schema_json(self) -> orjson.Fragment:
        """The schema, written once for all calls."""
        return orjson.Fragment(orjson.dumps(self.schema))

    @cached_property
    def answers(self) -> AnswerReader:
        """Reads the answers to it."""
        return reader(self.schema)
