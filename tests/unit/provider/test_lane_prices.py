"""Prices of lanes, as providers.toml gives them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from vision.errors import ConfigurationError
from vision.prices import FREE
from vision.provider.catalogue import Lane, load

CUT = datetime(2026, 7, 30, tzinfo=UTC)
HEAD = '[[provider]]\nname = "acme"\nbase_url = "https://acme.example/v1"\n'


def lane(folder: Path, provider: str, model: str, name: str = "gpt-5.6-luna") -> Lane:
    """The one lane of a providers.toml."""
    table = f'[provider.models."{name}"]\nrpm = 1\ntpm = 1\n'
    (folder / "providers.toml").write_text(HEAD + provider + table + model, encoding="utf-8")
    return load(folder / "providers.toml", environment={}).lanes[f"acme/{name}"]


def test_a_list_price_follows_the_list(tmp_path: Path) -> None:
    found = lane(tmp_path, "", "")
    prices = [found.price_at(day) for day in (CUT.replace(day=29), CUT)]
    assert [price.input for price in prices if price] == [1, Decimal("0.2")]
    assert found.price is not None
    assert found.batch_price == found.flex_price == found.price.scaled(Decimal("0.5"))


def test_factors_multiply_each_other(tmp_path: Path) -> None:
    found = lane(tmp_path, 'price_factor = 0.8\nbatch_factor = "0.4"\nflex_factor = 0\n', "")
    price, batch, flex = found.price, found.batch_price, found.flex_price
    assert price is not None
    assert batch is not None
    assert flex is not None
    assert (batch.input, flex.output) == (price.input * Decimal("0.4"), 0)
    assert batch.source.endswith(" x 0.8 x 0.4")


def test_a_price_of_ones_own_holds_on_every_day_and_takes_no_factor_but_those_told(tmp_path: Path) -> None:
    own = 'price = { input = "0.30", output = "0.90", cached_input = "0.03", cache_write = "0.375" }\n'
    plain = lane(tmp_path, "price_factor = 0.8\n", own)
    assert plain.price == plain.price_at(CUT)
    assert plain.price is not None
    assert (plain.price.input, plain.price.cache_write) == (Decimal("0.30"), Decimal("0.375"))
    assert (plain.batch_price, plain.flex_price) == (None, None)
    batch = lane(tmp_path, "price_factor = 0.8\nbatch_factor = 0.5\n", own).batch_price
    assert batch is not None
    assert (batch.input, batch.source) == (Decimal("0.15"), "providers.toml x 0.5")


def test_where_nothing_is_known_there_is_no_price(tmp_path: Path) -> None:
    unknown = lane(tmp_path, "batch_factor = 0.5\n", 'image_tokens = "none"\n', "mystery")
    assert (unknown.price, unknown.price_at(CUT), unknown.batch_price, unknown.flex_price) == (None,) * 4
    free = lane(tmp_path, "batch_factor = 0.5\n", 'price = "free"\nimage_tokens = "gpt-4o"\n', "gratis")
    assert (free.price, free.price_at(CUT), free.batch_price, free.flex_price) == (FREE, FREE, None, None)
    bare = lane(tmp_path, "", 'image_tokens = "none"\n')
    assert bare.price is not None
    assert (bare.batch_price, bare.flex_price) == (None, None)


def test_of_the_built_in_models_all_have_batches_and_the_newer_ones_flex(tmp_path: Path) -> None:
    built_in = load(tmp_path / "absent", openai_api_key=SecretStr("sk"), environment={}).lanes.values()
    lanes = [lane for lane in built_in if lane.kind.by_tokens]
    assert all(each.batch_price for each in lanes)
    assert {each.model for each in lanes if not each.flex_price} == {"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"}
    (local,) = load(tmp_path / "absent", local_url="http://127.0.0.1:9", environment={}).lanes.values()
    assert (local.price, local.batch_price, local.flex_price) == (FREE, None, None)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("batch_factor = -0.5\n", "provider 1: batch_factor: Input should be greater than or equal to 0"),
        ('flex_factor = "half"\n', "provider 1: flex_factor: Input should be a valid decimal"),
        ("flex_factor = inf\n", "provider 1: flex_factor: Input should be a finite number"),
        ("batch_facter = 0.5\n", "there are name, base_url, api_key_env, api, images, share, price_factor, batch_fac"),
    ],
)
def test_a_factor_that_is_none_is_told(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        lane(tmp_path, setting, "")
    assert message in refused.value.message
