"""Reads a provider's limits from its headers (`x-ratelimit-*`). Implausible values are ignored.

Source: OpenAI's rate-limit guide; live headers, for which reset = (limit - remaining) / limit x window holds to the
millisecond.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vision.provider.failures.waits import duration
from vision.provider.limits import DAY, MINUTE

BETWEEN = 2_000.0
"""Seconds; a longer window means a day. Some limits are per day, which only `reset` shows."""
LONGEST = 12
"""Digits of the longest plausible number."""


class ReportedLimit(NamedTuple):
    """One limit; `reset`: seconds until it is full again. None: not reported."""

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None

    @property
    def window(self) -> int:
        """The limit's window in seconds: a minute, unless `reset` is too long for that; then a day."""
        if not self.limit or self.remaining is None or not self.reset or self.remaining >= self.limit:
            return MINUTE
        return DAY if self.reset * self.limit / (self.limit - self.remaining) > BETWEEN else MINUTE

    @property
    def left(self) -> float | None:
        """What is left; at least what follows from `reset`, so that a wrong zero delays no call longer."""
        if self.remaining is None or not self.limit:
            return self.remaining
        by_reset = 0.0 if self.reset is None else self.limit * (1 - self.reset / self.window)
        return min(self.limit, max(self.remaining, by_reset))


UNREPORTED = ReportedLimit()

NAMES = tuple(
    tuple(tuple(name.format(what) for what in ("limit", "remaining", "reset")) for name in several)
    for several in (
        ("x-ratelimit-{}-requests", "anthropic-ratelimit-requests-{}"),
        ("x-ratelimit-{}-tokens", "anthropic-ratelimit-tokens-{}", "anthropic-ratelimit-input-tokens-{}"),
        ("x-ratelimit-{}-project-tokens",),
    )
)
"""For each limit the names of its three headers, at OpenAI and at Anthropic, whose `tokens` is the tightest of its
limits of tokens."""


class RateLimits(NamedTuple):
    """All limits that one response reported."""

    requests: ReportedLimit = UNREPORTED
    tokens: ReportedLimit = UNREPORTED
    project_tokens: ReportedLimit = UNREPORTED

    @property
    def known(self) -> bool:
        """Whether it reported what is left of any limit."""
        return any(each.remaining is not None for each in self)

    def limit(self, kind: str, window: int) -> int | None:
        """The limit of `tokens` or `requests` for a window in seconds."""
        return min((each.limit for each in self._of(kind, window) if each.limit), default=None)

    def left(self, kind: str, window: int) -> float | None:
        """What is left of that limit."""
        return min((left for each in self._of(kind, window) if (left := each.left) is not None), default=None)

    def _of(self, kind: str, window: int) -> list[ReportedLimit]:
        every: tuple[ReportedLimit, ...]
        if kind == "tokens":
            every = (self.tokens,) if self.project_tokens is UNREPORTED else (self.tokens, self.project_tokens)
        else:
            every = (self.requests,) if kind == "requests" else ()
        return [each for each in every if each is not UNREPORTED and each.window == window]


NOTHING_REPORTED = RateLimits()


def read(headers: Mapping[str, str]) -> RateLimits:
    """Read the headers of any response, also of a refusal."""
    return RateLimits(*(_first(headers, each) for each in NAMES))


def _first(headers: Mapping[str, str], names: Sequence[tuple[str, ...]]) -> ReportedLimit:
    found = (_reported(headers, *each) for each in names)
    return next((each for each in found if each is not UNREPORTED), UNREPORTED)


def _reported(headers: Mapping[str, str], limit: str, remaining: str, reset: str) -> ReportedLimit:
    most, left = headers.get(limit), headers.get(remaining)
    if most is None and left is None:
        return UNREPORTED
    stated = headers.get(reset)
    return ReportedLimit(_number(most) or None, _number(left), duration(stated) if stated else None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= LONGEST else None
