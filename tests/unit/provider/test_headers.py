"""What is read out of `x-ratelimit-*`, and what is not believed."""

import pytest

from vision.provider.headers import ReportedLimit, read
from vision.provider.limits import DAY, MINUTE


def told(limit: object, remaining: object, reset: str, kind: str = "tokens") -> dict[str, str]:
    """The three headers of one limit."""
    values = {"limit": str(limit), "remaining": str(remaining), "reset": reset}
    return {f"x-ratelimit-{name}-{kind}": value for name, value in values.items()}


def test_the_guides_own_example() -> None:
    limits = read(told(60, 59, "1s", "requests") | told(150_000, 149_984, "6ms"))
    assert limits.requests == ReportedLimit(60, 59, 1.0)
    assert (limits.left("requests", MINUTE), limits.limit("requests", MINUTE)) == (59, 60)
    assert limits.left("tokens", MINUTE) == pytest.approx(149_985)
    assert limits.known


def test_the_narrower_of_organisation_and_project_counts() -> None:
    limits = read(told(150_000, 149_984, "6ms") | told(60_000, 57_000, "3s", "project-tokens"))
    assert (limits.limit("tokens", MINUTE), limits.left("tokens", MINUTE)) == (60_000, 57_000)


def test_a_limit_of_the_day_is_known_by_its_reset() -> None:
    limits = read(told(10_000, 9_999, "8.64s", "requests"))
    assert limits.left("requests", MINUTE) is None
    assert (limits.limit("requests", DAY), limits.left("requests", DAY)) == (10_000, 9_999)


def test_a_live_limit_of_ten_thousand_a_minute_is_not_one_of_the_day() -> None:
    assert read(told(10_000, 9_999, "6ms", "requests")).left("requests", MINUTE) == 9_999


@pytest.mark.parametrize(("reset", "left"), [("0s", 1_000), ("30s", 500), ("1m0s", 0), ("nonsense", 0)])
def test_a_zero_stops_nobody_for_longer_than_its_own_reset(reset: str, left: float) -> None:
    assert read(told(1_000, 0, reset)).left("tokens", MINUTE) == pytest.approx(left)


@pytest.mark.parametrize("value", ["", "-5", "1.5", "9" * 13, "many", "٣"])
def test_what_is_no_likely_number_is_taken_for_unsaid(value: str) -> None:
    limits = read(told(value, value, "1s"))
    assert not limits.known
    assert limits.limit("tokens", MINUTE) is None


def test_more_left_than_the_limit_is_the_limit() -> None:
    assert read(told(1_000, 5_000, "0s")).left("tokens", MINUTE) == 1_000


def test_no_headers_say_nothing() -> None:
    limits = read({})
    assert not limits.known
    assert (limits.left("tokens", MINUTE), limits.limit("requests", MINUTE), limits.left("images", MINUTE)) == (
        None,
        None,
        None,
    )


def test_anthropics_headers() -> None:
    found = read(
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:12Z",
            "anthropic-ratelimit-tokens-limit": "30000",
            "anthropic-ratelimit-tokens-remaining": "1000",
        }
    )
    assert (found.limit("requests", 60), found.left("requests", 60)) == (50, 49)
    assert (found.limit("tokens", 60), found.left("tokens", 60)) == (30_000, 1_000)
