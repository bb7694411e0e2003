"""The fake provider's limiter and charges, against captured 429s and the published examples."""

import pytest

from tests.fakes.buckets import Lane, go_duration
from tests.fakes.charges import OLD, TooManyPatches, fitted, image_tokens, patch_count, scaled


@pytest.mark.parametrize(
    ("limit", "used", "requested", "stated"),
    [
        (30_000, 29_937, 385, "644ms"),
        (30_000, 14_567, 24_754, "18.642s"),
        (10_000, 8_554, 3_082, "9.816s"),
        (200_000, 162_960, 42_288, "1.574s"),
        (30_000, 18_928, 11_159, "174ms"),
        (30_000, 28_039, 3_906, "3.89s"),
        (10_000, 6_701, 4_497, "7.188s"),
        (200_000, 130_491, 75_418, "1.772s"),
    ],
)
def test_bucket_predicts_the_captured_429s(limit: int, used: int, requested: int, stated: str) -> None:
    lane = Lane(500, limit, now=0.0)
    lane.charge(0.0, used)
    refusal = lane.refusal(0.0, requested)
    assert refusal
    assert refusal.wait is not None
    assert (refusal.used, refusal.requested, go_duration(refusal.wait)) == (used, requested, stated)
    assert lane.refusal((refusal.wait + 1) / 1000, requested) is None


def test_headers_as_captured() -> None:
    lane = Lane(10_000, 10_000_000, now=0.0)
    lane.charge(0.0, 263)
    assert lane.headers(0.0) == {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-limit-tokens": "10000000",
        "x-ratelimit-remaining-tokens": "9999737",
        "x-ratelimit-reset-tokens": "1ms",
    }
    assert [go_duration(ms) for ms in (0, 1000, 360_000, 3_600_500)] == ["0s", "1s", "6m0s", "1h0m0.5s"]


@pytest.mark.parametrize(
    ("size", "model", "detail", "tokens"),
    [
        ((1024, 1024), "gpt-4o", "high", 765),
        ((2048, 4096), "gpt-4o", "high", 1105),
        ((4096, 8192), "gpt-4o", "low", 85),
        ((1024, 1024), "gpt-5.4", "high", 1229),
        ((2048, 2048), "gpt-5.4", "high", 3000),
        ((4096, 512), "gpt-6-astra", "high", 2458),
        ((4096, 512), "gpt-5.6-sol", "high", 615),
        ((1800, 2400), "gpt-4.1-mini", "auto", 4977),
        ((2048, 2048), "gpt-5.4", "low", 4916),
        ((4032, 3024), "gpt-5.4", "original", 11_868),
        ((4032, 3024), "gpt-5.5", "original", 11_868),
        ((4032, 3024), "gpt-5.6-luna", "auto", 14_364),
        ((4032, 3024), "gpt-5.6-luna", "high", 2942),
        ((4032, 3024), "gpt-5.6-luna", "low", 231),
        ((512, 512), "gpt-4o-mini", "high", 8500),
        ((1024, 1024), "gpt-4o-mini", "high", 25_501),
        ((1920, 1080), "gpt-4o-mini", "high", 36_835),
        ((300, 2000), "gpt-4o", "high", 765),
        ((640, 480), "gpt-4o", "high", 425),
        ((1024, 1024), "o3", "high", 675),
        ((1024, 1024), "gpt-5.1", "auto", 630),
    ],
)
def test_charges_match_the_worked_examples(size: tuple[int, int], model: str, detail: str, tokens: int) -> None:
    assert image_tokens(model, detail, *size) == tokens


def test_patch_arithmetic_of_the_guide() -> None:
    assert patch_count(1800, 2400, OLD) == 1452
    assert fitted(*scaled(4032, 3024, 6000), 10_000) == (3669, 2752)
    with pytest.raises(TooManyPatches) as caught:
        image_tokens("gpt-5.6-luna", "auto", 8000, 6000)
    assert caught.value.patches == 47_000
