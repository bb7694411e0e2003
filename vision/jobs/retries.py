"""Whether and when a failed attempt is made again."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from vision.errors import Retry

FIRST_SECONDS, CAP_SECONDS = 1.0, 60.0
LONGEST_STATED_SECONDS = 86_400.0


@dataclass(frozen=True)
class RetryDecision:
    """`again` after `delay_seconds`, or not at all."""

    again: bool
    delay_seconds: float = 0.0


def decide(
    error_retry: Retry,
    attempt: int,
    max_attempts: int,
    retry_after: float | None = None,
    *,
    rand: Callable[[], float] = random.random,
) -> RetryDecision:
    """Whether to try again after attempt 1, 2, 3 … failed; `retry_after`: seconds that the server asks us to wait."""
    if attempt >= max_attempts:
        return RetryDecision(again=False)
    match error_retry:
        case Retry.NEVER:
            return RetryDecision(again=False)
        case Retry.NOW:
            return RetryDecision(again=True, delay_seconds=_stated(retry_after) or 0.0)
        case Retry.LATER:
            stated = _stated(retry_after)
            return RetryDecision(again=True, delay_seconds=back_off(attempt, rand) if stated is None else stated)
        case _:
            assert_never(error_retry)


def back_off(attempt: int, rand: Callable[[], float] = random.random) -> float:
    """Seconds from 0 to 1, 2, 4 … 60 at random ("full jitter"), so that attempts that failed together are spread."""
    return rand() * min(CAP_SECONDS, FIRST_SECONDS * 2.0 ** min(max(attempt - 1, 0), 32))


def _stated(retry_after: float | None) -> float | None:
    """`retry_after` limited to 0 seconds to a day; None if it is not usable."""
    if retry_after is None or math.isnan(retry_after):
        return None
    return min(max(retry_after, 0.0), LONGEST_STATED_SECONDS)
