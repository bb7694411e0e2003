"""What a provider's headers say of its limits (`x-ratelimit-*`). Unlikely values are taken for unsaid.

Source: OpenAI's rate-limit guide; live headers, for which reset = (limit - remaining) / limit x window holds to the
millisecond.
"""

from collections.abc import Mapping
from typing import NamedTuple

from vision.provider.failures import duration
from vision.provider.limits import DAY, MINUTE

BETWEEN = 2_000.0
"""Seconds between a minute and a day: some limits are told for the day, and nothing but `reset` shows it."""
LONGEST = 12
"""Digits of a number that can be meant."""


class Told(NamedTuple):
    """One limit; `reset`: seconds until all of it is left again. None where nothing was said."""

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None

    @property
    def window(self) -> int:
        """Seconds for which the limit counts, by the law of the refill: a minute, unless it must be a day."""
        if not self.limit or self.remaining is None or not self.reset or self.remaining >= self.limit:
            return MINUTE
        return DAY if self.reset * self.limit / (self.limit - self.remaining) > BETWEEN else MINUTE

    @property
    def left(self) -> float | None:
        """What is left; never less than what `reset` admits, so that a wrong zero stops nobody for longer."""
        if self.remaining is None or not self.limit:
            return self.remaining
        by_reset = 0.0 if self.reset is None else self.limit * (1 - self.reset / self.window)
        return min(self.limit, max(self.remaining, by_reset))


UNTOLD = Told()

NAMES = tuple(
    tuple(f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset"))
    for of in ("requests", "tokens", "project-tokens")
)


class RateLimits(NamedTuple):
    """Everything that one answer said of limits."""

    requests: Told = UNTOLD
    tokens: Told = UNTOLD
    project_tokens: Told = UNTOLD

    @property
    def known(self) -> bool:
        """Whether it said what is left of anything."""
        return any(told.remaining is not None for told in self)

    def limit(self, kind: str, window: int) -> int | None:
        """The limit of `tokens` or `requests` in so many seconds."""
        return min((told.limit for told in self._of(kind, window) if told.limit), default=None)

    def left(self, kind: str, window: int) -> float | None:
        """What is left of it."""
        return min((left for told in self._of(kind, window) if (left := told.left) is not None), default=None)

    def _of(self, kind: str, window: int) -> list[Told]:
        every: tuple[Told, ...]
        if kind == "tokens":
            every = (self.tokens,) if self.project_tokens is UNTOLD else (self.tokens, self.project_tokens)
        else:
            every = (self.requests,) if kind == "requests" else ()
        return [told for told in every if told is not UNTOLD and told.window == window]


UNSAID = RateLimits()


def read(headers: Mapping[str, str]) -> RateLimits:
    """From the headers of any response, refused or not."""
    return RateLimits(*(_told(headers, *names) for names in NAMES))


def _told(headers: Mapping[str, str], limit: str, remaining: str, reset: str) -> Told:
    most, left = headers.get(limit), headers.get(remaining)
    if most is None and left is None:
        return UNTOLD
    stated = headers.get(reset)
    return Told(_number(most) or None, _number(left), duration(stated) if stated else None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= LONGEST else None
