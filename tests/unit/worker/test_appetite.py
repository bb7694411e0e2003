"""How many items are claimed, and when."""

from typing import Any

from worker.appetite import FEWEST, FIRST, HORIZON_SECONDS, LARGEST, LOW_SECONDS, Appetite

DEADLINE = 100.0
PLENTY = 100_000


def wants(appetite: Appetite, now: float = 100.0, **more: Any) -> int:
    """With nothing in hand and a lane that admits more than anybody can do."""
    return appetite.wants(now, **{"horizon": 0.0, "admits": PLENTY, "coming": 0, "in_hand": 0, **more})


def test_claims_grow_as_long_as_there_is_as_much_as_is_wanted() -> None:
    appetite, wanted = Appetite(1_000, DEADLINE), []
    for _ in range(6):
        wanted.append(wants(appetite))
        appetite.claimed(100.0, 0.0, full=True)
    assert wanted == [FIRST, 16, 32, 64, LARGEST, LARGEST]
    appetite.claimed(100.0, 0.0, full=False)
    assert wants(appetite) == LARGEST


def test_nothing_is_claimed_while_calls_wait_for_their_start() -> None:
    appetite = Appetite(1_000, DEADLINE)
    assert wants(appetite, 100.0, horizon=100.0 + LOW_SECONDS) == 0
    assert wants(appetite, 100.0, horizon=99.9 + LOW_SECONDS) == FIRST


def test_what_is_coming_counts_against_what_the_lane_admits() -> None:
    appetite = Appetite(1_000, DEADLINE)
    assert wants(appetite, admits=10, coming=7, in_hand=7) == 3
    assert wants(appetite, admits=10, coming=10, in_hand=10) == 0


def test_a_slow_lane_with_long_calls_is_kept_filled() -> None:
    assert wants(Appetite(1_000, DEADLINE), admits=1, in_hand=60) == 1


def test_no_more_are_in_hand_than_may_be_and_lanes_share_that() -> None:
    appetite = Appetite(256, DEADLINE)
    assert wants(appetite, in_hand=256) == 0
    assert wants(appetite, in_hand=128, lanes=2) == 0
    assert wants(appetite, in_hand=120, lanes=2) == FIRST


def test_a_few_are_claimed_only_after_a_while() -> None:
    appetite = Appetite(256, DEADLINE)
    for _ in range(5):
        appetite.claimed(100.0, 0.0, full=True)
    assert wants(appetite, 100.05, in_hand=246) == 0
    assert wants(appetite, 100.11, in_hand=246) == 10
    assert wants(appetite, 100.05, in_hand=190) == 66


def test_where_calls_near_their_deadline_fewer_are_made() -> None:
    appetite = Appetite(1_000, DEADLINE)
    for _ in range(100):
        appetite.ended(0.6 * DEADLINE)
    assert wants(appetite, in_hand=250) == 0
    assert wants(appetite, in_hand=190) == FIRST
    for _ in range(1_000):
        appetite.ended(DEADLINE)
    assert wants(appetite, in_hand=FEWEST) == 0
    assert wants(appetite, in_hand=FEWEST - FIRST) == FIRST
    for _ in range(1_000):
        appetite.ended(0.4 * DEADLINE)
    assert wants(appetite, in_hand=900) == FIRST


def test_at_the_limit_of_a_lane_claims_are_few_and_reach_no_further_than_they_may() -> None:
    """Sixty seconds of a lane that starts `rate` calls a second, looked at every hundredth of a second."""
    for rate in (0.5, 7, 100, 400):
        appetite, horizon, claims, furthest = Appetite(1_000, DEADLINE), 0.0, 0, 0.0
        for hundredth in range(6_000):
            now = 100 + hundredth / 100
            ahead = max(0.0, horizon - now)
            waiting, admits = round(ahead * rate), max(1, int(rate * (HORIZON_SECONDS - ahead)))
            if wanted := wants(appetite, now, horizon=horizon, admits=admits, in_hand=waiting):
                appetite.claimed(now, horizon, full=True)
                horizon, claims = max(horizon, now) + wanted / rate, claims + 1
            assert horizon > now, "the lane is never without a call"
            furthest = max(furthest, horizon - now)
        assert claims < 60 * max(4, rate / 64)
        assert furthest <= max(HORIZON_SECONDS, LOW_SECONDS + 1 / rate)
