"""What a call is expected to take beside its images: counted and guessed at first, learned from answers later."""

from dataclasses import dataclass

from vision.presets import Preset
from vision.storage.outputs import Observed


@dataclass(frozen=True)
class Expected:
    """Tokens of a call's text and of its answer; `high_output_tokens`: of all but the longest answers, if learned."""

    text_tokens: int
    output_tokens: int
    high_output_tokens: int | None = None


def expected(preset: Preset, text_tokens: int, observed: Observed | None) -> Expected:
    """`text_tokens` as we count them. Earlier answers know better; no answer gets longer than the preset allows."""
    if observed is None:
        return Expected(text_tokens, preset.expected_output_tokens)
    most = preset.max_output_tokens
    return Expected(
        text_tokens=text_tokens if observed.text is None else observed.text,
        output_tokens=min(most, max(1, round(observed.mean))),
        high_output_tokens=min(most, observed.high),
    )
