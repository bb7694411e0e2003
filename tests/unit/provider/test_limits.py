"""What a lane may use, and how long that takes."""

import pytest

from vision.provider.limits import DAY, Limit


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        (Limit(rpm=60, tpm=10**9), 1_000),
        (Limit(rpm=10**9, tpm=500_000), 60),
        (Limit(rpm=10**9, tpm=499_999), 61),
        (Limit(rpm=10**9, tpm=10**9, ipm=30), 2_000),
        (Limit(rpm=60, tpm=10**9, rpd=1_000), 1_000),
        (Limit(rpm=60, tpm=10**9, rpd=400), DAY * 600 // 400),
        (Limit(rpm=60, tpm=10**9, tpd=250_000), DAY),
    ],
)
def test_a_thousand_calls_take_what_the_tightest_limit_lets_them(limit: Limit, seconds: int) -> None:
    assert limit.seconds(calls=1_000, tokens=500_000) == seconds


def test_nothing_takes_no_time() -> None:
    assert Limit(rpm=1, tpm=1, rpd=1).seconds(0, 0) == 0


def test_the_largest_call_fits_the_day_too() -> None:
    assert Limit(rpm=1, tpm=1_000).largest_call == 1_000
    assert Limit(rpm=1, tpm=1_000, tpd=600).largest_call == 600
