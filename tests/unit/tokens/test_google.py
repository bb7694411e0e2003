"""Gemini: what Google has published, which is not to the token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.tokens import count_image, details, find_rule, fixed_tokens, get_rule

TWO = ["gemini-2.0-flash", "gemini-2.0-flash-lite", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"]
THREE = ["gemini-3-pro", "gemini-3-flash", "gemini-3.1-pro", "gemini-3.5-flash", "gemini-3.8-flash"]


@pytest.mark.parametrize(
    ("size", "crops"),
    [
        ((960, 540), 6),  # the guide's own example: crops of 360 pixels, 3 x 2
        ((540, 960), 6),
        ((384, 384), 1),
        ((1, 1), 1),
        ((384, 10), 1),
        ((385, 10), 2),  # crops of 256 pixels, the least
        ((385, 384), 4),
        ((1000, 10), 4),
        ((1024, 1024), 4),
        ((1152, 1152), 4),  # crops of 768 pixels, the most
        ((1153, 1152), 4),
        ((1600, 1200), 6),
        ((3072, 3072), 16),
        ((6144, 6144), 16),  # scaled to 3072 pixels first
        ((12_000, 3), 12),
        ((3072, 257), 24),  # the most: 12 x 2
    ],
)
def test_crops(size: tuple[int, int], crops: int) -> None:
    for model in TWO:
        counted = count_image(model, "high", *size)
        assert (counted.tokens, counted.tiles, counted.patches) == (258 * crops, crops, None)
        assert count_image(model, "auto", *size) == counted


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_an_image_costs_at_most_24_crops(width: int, height: int) -> None:
    counted = count_image("gemini-2.5-flash", "high", width, height)
    assert 258 <= counted.tokens <= 24 * 258
    assert max(counted.width, counted.height) <= 3072
    assert counted.tokens == count_image("gemini-2.5-flash", "high", height, width).tokens


def test_budgets_by_media_resolution() -> None:
    for model in TWO:
        assert (fixed_tokens(model, "low"), fixed_tokens(model, "high")) == (64, None)
    for model in [*THREE, "gemini-4-argon"]:
        assert [fixed_tokens(model, detail) for detail in ("auto", "low", "high")] == [1120, 280, 1120]


def test_before_gemini_2_every_image_was_258_tokens() -> None:
    for model in ("gemini-1.5-pro", "gemini-1.5-flash", "gemini-1.5-flash-8b"):
        assert details(model) == ("auto", "high")
        assert count_image(model, "high", 4000, 3000).tokens == fixed_tokens(model, "auto") == 258


def test_nothing_of_it_is_confirmed_and_each_rule_says_why() -> None:
    for model in [*TWO, *THREE, "gemini-1.5-pro", "gemini-4-argon"]:
        rule = get_rule(model)
        assert not rule.confirmed
        assert rule.note
        assert rule.source.startswith("Google")
        assert not count_image(model, "auto", 640, 480).confirmed


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("gemini-1.5-pro-002", "google:gemini-1.5-pro"),
        ("gemini-1.5-flash-latest", "google:gemini-1.5-flash"),
        ("google/gemini-pro-1.5", "google:gemini-1.5-pro"),
        ("google/gemini-2.0-flash-001", "google:gemini-2.0-flash"),
        ("models/gemini-2.5-flash-preview-05-20", "google:gemini-2.5-flash"),
        ("gemini-2.5-flash-lite-preview-09-2025", "google:gemini-2.5-flash-lite"),
        ("gemini-3-pro-preview", "google:gemini-3-pro"),
        ("gemini-3.1-pro-preview", "google:gemini-3.1-pro"),
        ("google:gemini-2.5-pro", "google:gemini-2.5-pro"),
    ],
)
def test_names(name: str, rule: str) -> None:
    assert find_rule(name) == rule
