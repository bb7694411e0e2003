"""How many items are claimed, and when."""

from typing import Any

from worker.pacing.claim_size import FEWEST, FIRST, HORIZON_SECONDS, LARGEST, LOW_SECONDS, ClaimSize

DEADLINE = 100.0
PLENTY = 100_000


def wants(claim_size: ClaimSize, now: float = 100.0, **more: Any) -> int:
    """With nothing leased and a lane that admits more than anybody can do."""
    return claim_size.wants(now, **{"horizon": 0.0, "admits": PLENTY, "loading": 0, "leased": 0, **more})


def test_claims_grow_as_long_as_there_is_as_much_as_is_wanted() -> None:
    claim_size, wanted = ClaimSize(1_000, DEADLINE), []
    for _ in range(6):
        wanted.append(wants(claim_size))
        claim_size.claimed(100.0, 0.0, full=True)
    assert wanted == [FIRST, 16, 32, 64, LARGEST, LARGEST]
    claim_size.claimed(100.0, 0.0, full=False)
    assert wants(claim_size) == LARGEST


def test_nothing_is_claimed_while_calls_wait_for_their_start() -> None:
    claim_size = ClaimSize(1_000, DEADLINE)
    assert wants(claim_size, 100.0, horizon=100.0 + LOW_SECONDS) == 0
    assert wants(claim_size, 100.0, horizon=99.9 + LOW_SECONDS) == FIRST


def test_what_is_loading_counts_against_what_the_lane_admits() -> None:
    claim_size = ClaimSize(1_000, DEADLINE)
    assert wants(claim_size, admits=10, loading=7, leased=7) == 3
    assert wants(claim_size, admits=10, loading=10, leased=10) == 0


def test_a_slow_lane_with_long_calls_is_kept_filled() -> None:
    assert wants(ClaimSize(1_000, DEADLINE), admits=1, leased=60) == 1


def test_no_more_are_leased_than_may_be_and_lanes_share_that() -> None:
    claim_size = ClaimSize(256, DEADLINE)
    assert wants(claim_size, leased=256) == 0
    assert wants(claim_size, leased=128, lanes=2) == 0
    assert wants(claim_size, leased=120, lanes=2) == FIRST


def test_a_few_are_claimed_only_after_a_while() -> None:
    claim_size = ClaimSize(256, DEADLINE)
    for _ in range(5):
        claim_size.claimed(100.0, 0.0, full=True)
    assert wants(claim_size, 100.05, leased=246) == 0
    assert wants(claim_size, 100.11, leased=246) == 10
    assert wants(claim_size, 100.05, leased=190) == 66


def test_where_calls_near_their_deadline_fewer_are_made() -> None:
    claim_size = ClaimSize(1_000, DEADLINE)
    for _ in range(100):
        claim_size.ended(0.6 * DEADLINE)
    assert wants(claim_size, leased=250) == 0
    assert wants(claim_size, leased=190) == FIRST
    for _ in range(1_000):
        claim_size.ended(DEADLINE)
    assert wants(claim_size, leased=FEWEST) == 0
    assert wants(claim_size, leased=FEWEST - FIRST) == FIRST
    for _ in range(1_000):
        claim_size.ended(0.4 * DEADLINE)
    assert wants(claim_size, leased=900) == FIRST


def test_at_the_limit_of_a_lane_claims_are_few_and_reach_no_further_than_they_may() -> None:
    """Sixty seconds of a lane that starts `rate` calls a second, looked at every hundredth of a second."""
    for rate in (0.5, 7, 100, 400):
        claim_size, horizon, claims, furthest = ClaimSize(1_000, DEADLINE), 0.0, 0, 0.0
        for hundredth in range(6_000):
            now = 100 + hundredth / 100
            ahead = max(0.0, horizon - now)
            waiting, admits = round(ahead * rate), max(1, int(rate * (HORIZON_SECONDS - ahead)))
            if wanted := wants(claim_size, now, horizon=horizon, admits=admits, leased=waiting):
                claim_size.claimed(now, horizon, full=True)
                horizon, claims = max(horizon, now) + wanted / rate, claims + 1
            assert horizon > now, "the lane is never without a call"
            furthest = max(furthest, horizon - now)
        assert claims < 60 * max(4, rate / 64)
        assert furthest <= max(HORIZON_SECONDS, LOW_SECONDS + 1 / rate)
