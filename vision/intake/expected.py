"""What a call is expected to take beside its images: counted and guessed at first, learned from answers later."""

from dataclasses import dataclass

from vision.presets import Preset
from vision.storage.outcomes.earlier_answers import Observed

LEAST = 4
"""No tokenizer and no way to hand over a schema takes less than a quarter of our count; what is told below is wrong."""


@dataclass(frozen=True)
class Expected:
    """Tokens of a call's text and of its answer; `high_output_tokens`: of all but the longest answers, if learned."""

    text_tokens: int
    output_tokens: int
    high_output_tokens: int | None = None


def expected(preset: Preset, text_tokens: int, observed: Observed | None) -> Expected:
    """`text_tokens` as we count them. Earlier answers know better; no answer gets longer than the preset allows.

    For estimates and the rate limit only: what is set aside for a call never rests on what a provider told.
    """
    if observed is None:
        return Expected(text_tokens, preset.expected_output_tokens)
    most = preset.max_output_tokens
    return Expected(
        text_tokens=text_tokens if observed.text is None else max(observed.text, text_tokens // LEAST),
        output_tokens=min(most, max(1, round(observed.mean))),
        high_output_tokens=min(most, observed.high),
    )
