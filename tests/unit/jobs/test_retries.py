"""When a failed attempt is made again."""

import math

import pytest

from vision.errors import Retry
from vision.jobs.retries import RetryDecision, decide


def latest() -> float:
    return 1.0


@pytest.mark.parametrize("retry", list(Retry))
def test_the_last_attempt_is_the_last(retry: Retry):
    assert decide(retry, 5, 5, 1.0) == RetryDecision(again=False)
    assert decide(retry, 6, 5) == RetryDecision(again=False)


def test_never_now_and_later():
    assert decide(Retry.NEVER, 1, 5) == RetryDecision(again=False)
    assert decide(Retry.NOW, 1, 5) == RetryDecision(again=True, delay_seconds=0.0)
    assert decide(Retry.LATER, 1, 5, rand=latest) == RetryDecision(again=True, delay_seconds=1.0)


def test_the_back_off_doubles_up_to_a_minute():
    delays = [decide(Retry.LATER, attempt, 10_000, rand=latest).delay_seconds for attempt in (1, 2, 3, 6, 7, 8, 9_000)]
    assert delays == [1, 2, 4, 32, 60, 60, 60]


def test_full_jitter_starts_at_once():
    assert decide(Retry.LATER, 8, 10, rand=lambda: 0.0).delay_seconds == 0
    assert len({decide(Retry.LATER, 8, 10).delay_seconds for _ in range(20)}) > 1


@pytest.mark.parametrize("retry", [Retry.NOW, Retry.LATER])
@pytest.mark.parametrize(("stated", "delay"), [(0, 0), (7.5, 7.5), (-3, 0), (1e9, 86_400), (math.inf, 86_400)])
def test_a_stated_delay_is_kept(retry: Retry, stated: float, delay: float):
    assert decide(retry, 1, 5, stated, rand=latest) == RetryDecision(again=True, delay_seconds=delay)


def test_nonsense_is_no_stated_delay():
    assert decide(Retry.LATER, 2, 5, math.nan, rand=latest).delay_seconds == 2.0
