"""A preset: the question about an image, and the form of the answer."""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from vision.errors import InvalidRequest

MIN_OUTPUT_TOKENS, MAX_OUTPUT_TOKENS = 16, 128_000
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,5}")


@dataclass(frozen=True)
class Preset:
    """A prompt, the schema of its answers and defaults; `name` is None for a caller's own prompt."""

    name: str | None
    title: str
    prompt: str
    schema: dict[str, object] | None
    """Shared by all callers: read it, never change it."""
    detail: str
    max_output_tokens: int
    expected_output_tokens: int

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change whenever name, prompt or schema do; the order of keys does not matter."""
        subject = {"name": self.name, "prompt": self.prompt, "schema": self.schema}
        canonical = json.dumps(subject, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def render(self, language: str = "en") -> str:
        """The prompt with `{language}` filled in: a BCP 47 tag such as `en`, `de` or `zh-Hans`."""
        if not _LANGUAGE_TAG.fullmatch(language):
            raise InvalidRequest(
                f"{language[:40]!r} is not a language tag. Use a BCP 47 tag such as en, de or zh-Hans.",
                code="invalid_language",
                param="language",
            )
        return self.prompt.replace("{language}", language)

    def limited_to(self, max_output_tokens: int) -> Self:
        """The same preset with another limit for the length of an answer."""
        if not MIN_OUTPUT_TOKENS <= max_output_tokens <= MAX_OUTPUT_TOKENS:
            raise InvalidRequest(
                f"max_output_tokens must be from {MIN_OUTPUT_TOKENS} to {MAX_OUTPUT_TOKENS:,}.",
                code="invalid_max_output_tokens",
                param="max_output_tokens",
            )
        expected = min(self.expected_output_tokens, max_output_tokens)
        return replace(self, max_output_tokens=max_output_tokens, expected_output_tokens=expected)
