"""What a model's calls cost as time goes on, and what batches and flexible calls cost."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import resources

import pytest

from vision.prices import FREE, Price, PriceSchedule, batch_factor, flex_factor, list_price
from vision.prices.listed import hourly_price
from vision.tokens import find_rule

CUT = datetime(2026, 7, 30, tzinfo=UTC)
"""When gpt-5.6-luna fell from 1 to 0.20 dollars."""
OWN = Price(Decimal(3), Decimal("0.3"), Decimal(9), "providers.toml")
HALF = Decimal("0.5")


def test_a_process_that_runs_across_midnight_follows_the_price() -> None:
    hour = int(CUT.timestamp()) // 3600
    before, after = (hourly_price("gpt-5.6-luna", Decimal(1), each) for each in (hour - 1, hour))
    assert (before, after) == (list_price("gpt-5.6-luna", CUT - timedelta(hours=1)), list_price("gpt-5.6-luna", CUT))
    assert before != after
    assert hourly_price("gpt-5.6-luna", Decimal(1), hour) is after


def test_now_is_the_present_hour() -> None:
    price, expected = PriceSchedule("gpt-4o-mini").now(), list_price("gpt-4o-mini", datetime.now(UTC))
    assert price is not None
    assert expected is not None
    assert (price.input, price.output) == (expected.input, expected.output)
    assert PriceSchedule("nonsense").now() is PriceSchedule("nonsense").at(CUT) is None


def test_a_relays_factor_is_for_list_prices_only() -> None:
    relay = PriceSchedule("gpt-5.6-luna", factor=Decimal("0.8"))
    assert [price.input for price in (relay.at(CUT), relay.at(CUT - timedelta(1))) if price] == [
        Decimal("0.16"),
        Decimal("0.8"),
    ]
    own = PriceSchedule("gpt-5.6-luna", OWN, factor=Decimal("0.8"))
    assert own.now() == own.at(CUT) == own.at(CUT - timedelta(1)) == OWN


def test_batches_and_flexible_calls_cost_a_part_of_the_price() -> None:
    price_schedule = PriceSchedule("acme", OWN, batch_factor=HALF, flex_factor=Decimal("0.75"))
    batch, flex = price_schedule.batch(), price_schedule.flex()
    assert batch is not None
    assert flex is not None
    assert (batch.input, batch.output) == (Decimal("1.5"), Decimal("4.5"))
    assert (flex.input, flex.output) == (Decimal("2.25"), Decimal("6.75"))
    assert (
        PriceSchedule("acme", OWN).batch(),
        PriceSchedule("acme", OWN).flex(),
        PriceSchedule("acme", FREE).batch(),
    ) == (None,) * 3
    assert PriceSchedule("nonsense", batch_factor=HALF).batch() is None


@pytest.mark.parametrize(
    ("rule", "batch", "flex"),
    [
        ("openai:gpt-4o", HALF, None),
        ("openai:gpt-4o-mini", HALF, None),
        ("openai:gpt-4.1", HALF, None),
        ("openai:gpt-4.1@A", HALF, None),
        ("openai:o1", HALF, None),
        ("openai:gpt-5.6-luna", HALF, HALF),
        ("openai:gpt-5.4-mini@A", HALF, HALF),
        ("openai:gpt-6-astra", HALF, HALF),
        ("openai:o3", HALF, HALF),
        ("openai:gpt-5.3-codex", None, None),
        ("openai:computer-use-preview", None, None),
        ("anthropic:claude-sonnet-5-5", HALF, None),
        ("google:gemini-3.8-flash", HALF, HALF),
        ("none", None, None),
        ("acme:gpt-4o", None, None),
        ("", None, None),
    ],
)
def test_what_providers_take_for_batches_and_flexible_calls(
    rule: str, batch: Decimal | None, flex: Decimal | None
) -> None:
    assert (batch_factor(rule), flex_factor(rule)) == (batch, flex)


def test_the_facts_are_dated_sourced_and_name_models_that_there_are() -> None:
    facts = tomllib.loads(resources.files("vision.prices").joinpath("tiers.toml").read_text("utf-8"))
    for provider, tiers in facts.items():
        for offer in tiers.values():
            assert 0 < offer["factor"] <= 1
            assert type(offer["read"]) is date
            assert offer["source"]
            for model in (*offer.get("models", ()), *offer.get("except", ())):
                assert find_rule(model) == f"{provider}:{model}"


def test_every_provider_whose_images_are_counted_has_a_price_for_batches() -> None:
    files = [file.name for file in resources.files("vision.tokens").iterdir() if file.name.endswith(".toml")]
    tiers = tomllib.loads(resources.files("vision.prices").joinpath("tiers.toml").read_text("utf-8"))
    providers = {name.removesuffix(".toml") for name in files}
    assert "openai" in providers
    assert all("batch" in tiers.get(provider, {}) for provider in providers)
