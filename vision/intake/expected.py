"""Expected tokens of a call besides its images: counted and guessed at first, later learned from answers."""

from dataclasses import dataclass

from vision.presets import Preset
from vision.storage.outcomes.earlier_answers import Observed

LEAST = 4
"""No tokenizer or schema format takes less than a quarter of our count; a lower report is wrong."""


@dataclass(frozen=True)
class Expected:
    """Tokens of a call's text and answer; `high_output_tokens`: what 99 of 100 answers stay within, if learned."""

    text_tokens: int
    output_tokens: int
    high_output_tokens: int | None = None


def expected(preset: Preset, text_tokens: int, observed: Observed | None) -> Expected:
    """Prefers earlier answers to our own count `text_tokens`; never more output than the preset allows.

    For estimates and the rate limit only: money reserved for a call never depends on what a provider reported.
    """
    if observed is None:
        return Expected(text_tokens, preset.expected_output_tokens)
    most = preset.max_output_tokens
    return Expected(
        text_tokens=text_tokens if observed.text is None else max(observed.text, text_tokens // LEAST),
        output_tokens=min(most, max(1, round(observed.mean))),
        high_output_tokens=min(most, observed.high),
    )
