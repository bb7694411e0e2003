"""GET /v1/models: what each model counts and costs."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from vision.settings import Settings

PROVIDERS = """
[[provider]]
name = "openai"
base_url = "http://127.0.0.1:9/v1"
[provider.models."gpt-4o-mini"]
rpm = 60
tpm = 6_000_000
[provider.models."gpt-5.4"]
rpm = 60
tpm = 60_000
price = { input = "2.50", cached_input = "0.25", output = "15", cache_write = "3.125" }
[provider.models."gpt-6-luna"]
rpm = 60
tpm = 60_000
[[provider]]
name = "relay"
base_url = "http://127.0.0.1:9/v1"
batch_factor = 0.25
[provider.models."mystery"]
rpm = 60
tpm = 60_000
image_tokens = "gpt-5.4@A"
[provider.models."tagger"]
rpm = 60
tpm = 60_000
image_tokens = "none"
price = { input = "0.0000004", output = "10" }
[provider.models."eyes"]
rpm = 60
tpm = 60_000
image_tokens = "gpt-4o"
price = "free"
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """The API's settings, with models for these tests."""
    (tmp_path / "providers.toml").write_text(PROVIDERS)
    return settings


@pytest.fixture
async def models(client: httpx2.AsyncClient) -> dict[str, dict[str, Any]]:
    """Every model by its id."""
    answer = await client.get("/v1/models")
    assert answer.status_code == 200
    return {model["id"]: model for model in answer.json()["data"]}


async def test_a_model_at_list_price(models: dict[str, dict[str, Any]]) -> None:
    mini = models["openai/gpt-4o-mini"]
    source = mini["price"].pop("source")
    rule = mini["image_rule"].pop("source")
    assert source.startswith("genai-prices as of 20")
    assert rule.startswith("OpenAI, Images and vision")
    assert mini["image_rule"].pop("since") is not None
    assert mini["image_rule"] == {"name": "openai:gpt-4o-mini", "confirmed": True, "note": None, "until": None}
    assert mini["image_tokens"] == "openai:gpt-4o-mini"
    assert mini["image_cost"] == {
        "auto": {"tokens": 25501, "cost": "0.00382515"},
        "low": {"tokens": 2833, "cost": "0.00042495"},
        "high": {"tokens": 25501, "cost": "0.00382515"},
    }
    assert mini["price"] == {
        "currency": "USD",
        "per_tokens": 1_000_000,
        "input": "0.15",
        "cached_input": "0.075",
        "cache_write": None,
        "output": "0.60",
        "batch": {"input": "0.075", "output": "0.30"},
        "flex": None,
    }
    assert mini["shutdown_date"] == "2027-01-14"
    assert list(mini["image_cost"]) == mini["details"]


async def test_a_rule_that_is_not_confirmed_says_what_is_missing(models: dict[str, dict[str, Any]]) -> None:
    luna = models["openai/gpt-6-luna"]
    assert luna["image_rule"]["confirmed"] is False
    assert "guide" in luna["image_rule"]["note"]
    assert luna["price"]["cache_write"] == "0.125"
    assert luna["price"]["batch"] == luna["price"]["flex"] == {"input": "0.05", "output": "0.25"}
    assert {"auto", "low", "high", "original"} == set(luna["image_cost"])
    assert luna["shutdown_date"] is None


async def test_a_price_of_ones_own(models: dict[str, dict[str, Any]]) -> None:
    own = models["openai/gpt-5.4"]
    assert own["price"] == {
        "currency": "USD",
        "per_tokens": 1_000_000,
        "input": "2.50",
        "cached_input": "0.25",
        "cache_write": "3.125",
        "output": "15.00",
        "batch": None,
        "flex": None,
        "source": "providers.toml",
    }
    assert own["image_cost"]["high"] == {"tokens": 1229, "cost": "0.0030725"}


async def test_money_has_no_exponent(models: dict[str, dict[str, Any]]) -> None:
    tagger = models["relay/tagger"]
    assert (tagger["price"]["input"], tagger["price"]["output"]) == ("0.0000004", "10.00")
    assert tagger["price"]["batch"] == {"input": "0.0000001", "output": "2.50"}
    assert tagger["image_cost"]["auto"] == {"tokens": 0, "cost": "0"}


async def test_without_a_price_tokens_are_told_all_the_same(models: dict[str, dict[str, Any]]) -> None:
    mystery = models["relay/mystery"]
    assert mystery["price"] is None
    assert mystery["image_rule"]["name"] == "openai:gpt-5.4@A"
    assert mystery["image_rule"]["until"] == "2026-08-01"
    assert mystery["image_cost"]["high"] == {"tokens": 1024, "cost": None}
    assert mystery["shutdown_date"] is None


async def test_what_is_free_costs_nothing(models: dict[str, dict[str, Any]]) -> None:
    eyes = models["relay/eyes"]
    assert eyes["image_cost"]["high"] == {"tokens": 765, "cost": "0"}
    assert (eyes["price"]["input"], eyes["price"]["batch"], eyes["price"]["flex"]) == ("0", None, None)
