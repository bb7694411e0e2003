"""Every row of the published tables, and the names that find it."""

import doctest
import re
from datetime import date
from fractions import Fraction
from subprocess import run
from sys import executable

import pytest

import vision.tokens
from vision.errors import ImageError, InvalidRequest
from vision.tokens import count_image, details, find_rule, fixed_tokens, get_rule
from vision.tokens.facts import rules
from vision.tokens.formulas.patches import Patches
from vision.tokens.formulas.tiles import Fixed, Tiles

SMALL = (512, None)
BIG = (65535, None)
NEWEST = {"low": SMALL, "high": (65535, 2500), "original": BIG}
GPT_56 = {"low": SMALL, "high": (2048, 2500), "original": BIG}
GPT_55 = {"low": SMALL, "high": (2048, 2500), "original": (6000, 10000)}
GPT_54 = {"low": (2048, 6144), "high": (2048, 2500), "original": (6000, 10000)}
ONE_SIZE = {"low": (2048, 6144), "high": (2048, 6144)}
ASSUMED = {"low": (2048, 1536), "high": (2048, 1536)}
SEED_ERA = {"low": SMALL, "high": (2048, 1536)}

PATCH_ROWS = [
    ("gpt-6-astra", "1.2", NEWEST, "original", True),
    ("gpt-6-luna", "1.2", NEWEST, "original", False),
    ("gpt-6-sol", "1.2", NEWEST, "original", False),
    ("gpt-6.1-sol", "1.2", NEWEST, "original", False),
    ("gpt-6.1-terra", "1.2", NEWEST, "original", False),
    ("gpt-5.6-sol", "1.2", GPT_56, "original", True),
    ("gpt-5.6-terra", "1.2", GPT_56, "original", True),
    ("gpt-5.6-luna", "1.2", GPT_56, "original", True),
    ("gpt-5.5", "1.2", GPT_55, "original", True),
    ("gpt-5.4", "1.2", GPT_54, "high", True),
    ("gpt-5.4-mini", "1.2", GPT_54, "high", True),
    ("gpt-5.4-nano", "1.2", GPT_54, "high", True),
    ("gpt-5.2", "1.2", ONE_SIZE, "high", True),
    ("gpt-4.1-mini", "1.62", ONE_SIZE, "high", True),
    ("gpt-5-mini", "1.2", ASSUMED, "high", False),
    ("gpt-5-nano", "1.5", ASSUMED, "high", False),
    ("gpt-4.1-nano", "2.46", ASSUMED, "high", False),
    ("o4-mini", "1.72", ASSUMED, "high", False),
    ("gpt-5.3-codex", "1.2", ASSUMED, "high", False),
    ("gpt-5.6-luna@A", "1", GPT_56, "original", False),
    ("gpt-5.5@A", "1", GPT_55, "original", False),
    ("gpt-5.4@A", "1", GPT_55, "high", False),
    ("gpt-5.2@A", "1", SEED_ERA, "high", False),
    ("gpt-5.4-mini@A", "1.62", SEED_ERA, "high", True),
    ("gpt-5-mini@A", "1.62", SEED_ERA, "high", True),
    ("gpt-4.1-mini@A", "1.62", SEED_ERA, "high", True),
    ("gpt-5.4-nano@A", "2.46", SEED_ERA, "high", True),
    ("gpt-5-nano@A", "2.46", SEED_ERA, "high", True),
    ("gpt-4.1-nano@A", "2.46", SEED_ERA, "high", True),
    ("o4-mini@A", "1.72", SEED_ERA, "high", True),
]

TILE_ROWS = [
    (("gpt-4o", "gpt-4.1", "gpt-4.5"), 85, 170),
    (("gpt-4o-mini",), 2833, 5667),
    (("gpt-5.1", "gpt-5", "gpt-5-chat-latest"), 70, 140),
    (("o1", "o1-pro", "o3"), 75, 150),
    (("computer-use-preview",), 65, 129),
]


@pytest.mark.parametrize(("model", "multiplier", "sizes", "auto", "confirmed"), PATCH_ROWS)
def test_patch_rows(
    model: str, multiplier: str, sizes: dict[str, tuple[int, int | None]], auto: str, *, confirmed: bool
) -> None:
    rule = get_rule(model)
    limit = None if "@A" in model else 30_000
    expected = {detail: Patches(Fraction(multiplier), *size, limit) for detail, size in sizes.items()}
    assert rule.levels == {"auto": expected[auto], **expected}
    assert (rule.auto, rule.confirmed) == (auto, confirmed)
    assert bool(rule.note) is not confirmed
    assert count_image(model, "auto", 64, 64).confirmed is confirmed


@pytest.mark.parametrize("suffix", ["", "@A"])
@pytest.mark.parametrize(("models", "base", "tile"), TILE_ROWS)
def test_tile_rows(models: tuple[str, ...], base: int, tile: int, suffix: str) -> None:
    for model in models:
        high = Tiles(base, tile, 2048, 768)
        levels = {"auto": high, "low": Fixed(base, tiles=0), "high": high}
        assert get_rule(model + suffix).levels == levels


@pytest.mark.parametrize(
    ("model", "confirmed"), [("gpt-image-1", True), ("gpt-image-1.5", False), ("gpt-image-1-mini", False)]
)
def test_gpt_image_charges_fidelity_on_top_of_the_tiles(model: str, *, confirmed: bool) -> None:
    low, high = Tiles(65, 129, 2048, 512), Tiles(65, 129, 2048, 512, 4160, 6240)
    rule = get_rule(model)
    assert rule.levels == {"auto": low, "low": low, "high": high}
    assert rule.confirmed is confirmed
    assert ("gpt-image-1 stand in" in rule.note) is not confirmed


# Every model of the issue, of the facts page and of the seed documents, by the names that they use.
NAMED = """
    gpt-6-astra gpt-6-luna gpt-6-sol gpt-6.1-sol gpt-6.1-terra gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna gpt-5.5 gpt-5.4
    gpt-5.4-mini gpt-5.4-nano gpt-5.3-codex gpt-5.2 gpt-5.2-codex gpt-5.2-chat-latest gpt-5.1 gpt-5.1-codex-mini gpt-5
    gpt-5-chat-latest gpt-5-codex-mini gpt-5-mini gpt-5-nano gpt-4.1 gpt-4.1-mini gpt-4.1-mini-2025-04-14 gpt-4.1-nano
    gpt-4.1-nano-2025-04-14 gpt-4.5 gpt-4.5-preview gpt-4o gpt-4o-2024-05-13 gpt-4o-2024-08-06 gpt-4o-mini GPT-4o-mini
    GPT-4o GPT-4.1 o1 o1-pro o3 o4-mini computer-use-preview gpt-image-1 gpt-image-1.5 gpt-image-1-mini
    claude-3.5-sonnet gemini-1.5-pro
"""


@pytest.mark.parametrize("name", NAMED.split())
def test_every_model_that_is_spoken_of_has_a_rule(name: str) -> None:
    rule = get_rule(name)
    snapshot = name if name[-3:-2] == "-" else f"{name}-2026-01-31"
    for spelling in (name, f"openrouter/{name}", f"ft:{name}:acme::9x", snapshot, rule.name):
        assert find_rule(spelling) == rule.name
    for detail in details(name):
        assert count_image(name, detail, 640, 480).tokens > 0


@pytest.mark.parametrize("name", ["gpt-image-2", "gpt-image-2.5-sunburst", "openai/gpt-image-2.5-flare-2026-09-01"])
def test_a_model_whose_rule_is_not_published_is_an_error_that_says_so(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"OpenAI has not published.*Nearest: gpt-image-1.*image_tokens") as error:
        find_rule(name)
    assert (error.value.code, error.value.param) == ("unknown_model", "model")


def test_the_names_of_rules_are_their_own() -> None:
    for name, rule in rules().items():
        assert find_rule(name) == find_rule(rule.name) == rule.name
        assert get_rule(rule.name) is rule


def test_every_rule_says_where_it_comes_from_and_what_it_lacks() -> None:
    for rule in rules().values():
        assert rule.source or rule.name == "none"
        assert bool(rule.note) is not rule.confirmed
        assert rule.levels["auto"] is rule.levels[rule.auto]


def test_rules_carry_their_dates_and_source() -> None:
    current, old = get_rule("gpt-5.4"), get_rule("gpt-5.4@A")
    assert (current.since, current.until) == (date(2026, 8, 1), None)
    assert (old.since, old.until) == (None, date(2026, 8, 1))
    assert "Images and vision" in current.source
    assert get_rule("gpt-5.4@B") is current
    assert get_rule("gpt-5.4@A") is not current


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("gpt-4o", "openai:gpt-4o"),
        ("gpt-4o-2024-08-06", "openai:gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "openai:gpt-4o-mini"),
        ("gpt-4.1-mini-20250414", "openai:gpt-4.1-mini"),
        ("openai/gpt-4o-mini", "openai:gpt-4o-mini"),
        ("openrouter/openai/GPT-4o", "openai:gpt-4o"),
        ("openai:gpt-4o-mini", "openai:gpt-4o-mini"),
        ("openai:gpt-5.4@A", "openai:gpt-5.4@A"),
        ("ft:gpt-4o-2024-08-06:acme::9x", "openai:gpt-4o"),
        ("chatgpt-4o-latest", "openai:gpt-4o"),
        ("gpt-4.5-preview-2025-02-27", "openai:gpt-4.5"),
        ("none", "none"),
    ],
)
def test_names(name: str, rule: str) -> None:
    assert find_rule(name) == rule
    assert count_image(name, "low", 64, 64).rule == rule


@pytest.mark.parametrize("name", ["gpt-7-luna", "gpt-4o-audio-preview", "gpt-4o@Z", "llava", "", "ft:"])
def test_an_unknown_model_is_an_error_that_says_what_to_do(name: str) -> None:
    with pytest.raises(InvalidRequest, match="image_tokens") as error:
        find_rule(name)
    assert error.value.code == "unknown_model"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("gpt-7-luna", "gpt-6-luna, gpt-5.6-luna"),
        ("gpt-5.6", "gpt-5.6-sol, gpt-5.6-terra, gpt-5.6-luna"),
        ("gpt-4o-mni", "gpt-4o-mini"),
        ("claude-3-sonet", "claude-3-sonnet"),
        ("gemini-3", "gemini-3-pro, gemini-3-flash"),
    ],
)
def test_an_unknown_model_names_the_nearest_known_ones(name: str, nearest: str) -> None:
    with pytest.raises(InvalidRequest, match=f"Nearest: {re.escape(nearest)}"):
        find_rule(name)


def test_details() -> None:
    assert details("gpt-4o") == ("auto", "low", "high")
    assert details("gpt-5.5") == ("auto", "low", "high", "original")
    assert details("none") == ("auto", "low", "high", "original")


@pytest.mark.parametrize(
    ("model", "detail"), [("gpt-4o", "original"), ("gpt-5.2", "original"), ("gpt-5.5", "ultra"), ("gpt-5.5", "")]
)
def test_a_detail_that_the_model_does_not_take(model: str, detail: str) -> None:
    with pytest.raises(InvalidRequest, match="it takes auto, low, high") as error:
        count_image(model, detail, 64, 64)
    assert error.value.code == "unsupported_detail"
    with pytest.raises(InvalidRequest):
        fixed_tokens(model, detail)


def test_fixed_tokens() -> None:
    assert fixed_tokens("gpt-4o-mini", "low") == 2833
    assert fixed_tokens("gpt-4o-mini", "high") is None
    assert fixed_tokens("gpt-5.6-luna", "low") is None
    assert fixed_tokens("gpt-image-1", "low") is None
    assert fixed_tokens("none", "auto") == 0


def test_the_rule_none_charges_nothing() -> None:
    assert count_image("none", "auto", 8000, 6000) == (0, 8000, 6000, None, None, "none", True)


@pytest.mark.parametrize("side", [0, -1, 2**31, 10**30, 1.5, True, "64", None])
def test_a_size_that_no_image_has(side: object) -> None:
    for width, height in ((side, 64), (64, side)):
        with pytest.raises(InvalidRequest) as error:
            count_image("gpt-4o", "low", width, height)  # type: ignore[arg-type]  # that is the point
        assert error.value.code == "invalid_size"


def test_the_longest_side_that_a_format_can_state_is_counted_or_refused_like_any_other() -> None:
    assert count_image("gpt-4o", "high", 2**31 - 1, 1) == (765, 2048, 1, None, 4, "openai:gpt-4o", True)
    with pytest.raises(ImageError, match="fits is 5536x5536"):
        count_image("gpt-6-astra", "auto", 2**31 - 1, 2**31 - 1)


def test_the_examples_of_the_package_are_true() -> None:
    failed, tried = doctest.testmod(vision.tokens)
    assert (failed, tried) == (0, 3)


def test_counting_images_loads_neither_pictures_nor_tokenizers_nor_arrays_nor_network() -> None:
    heavy = {"PIL", "splintr", "numpy", "pydantic", "sqlalchemy", "redis", "aiohttp", "genai_prices", "socket", "ssl"}
    code = (
        "import sys; from vision.tokens import Fit, count_sent, find_rule; "
        "count_sent(find_rule('gpt-4o'), 'high', Fit('snap'), 1025, 1025); print(*sys.modules)"
    )
    loaded = run([executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "vision.tokens.fit" in loaded
    assert heavy.isdisjoint(loaded)
