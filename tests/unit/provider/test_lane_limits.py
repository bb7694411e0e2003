"""The limits of a lane beyond requests and tokens a minute."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from vision.errors import ConfigurationError
from vision.provider.catalogue import load
from vision.provider.catalogue.lane import Lane
from vision.provider.limits import Limit

HEAD = '[[provider]]\nname = "acme"\nbase_url = "https://acme.example/v1"\n'


def lane(folder: Path, limits: str, head: str = HEAD) -> Lane:
    """The lane of a providers.toml with these limits."""
    path = folder / "providers.toml"
    path.write_text(f'{head}[provider.models."gpt-4o"]\n{limits}\n', encoding="utf-8")
    return load(path, environment={}).lane("acme/gpt-4o")


def test_every_limit_is_our_share_of_the_providers(tmp_path: Path) -> None:
    found = lane(
        tmp_path, "rpm = 9\ntpm = 100\nrpd = 1000\ntpd = 3\nipm = 1\nmax_in_flight = 7", HEAD + "share = 0.5\n"
    )
    assert found.limit == Limit(rpm=4, tpm=50, rpd=500, tpd=1, ipm=1, share=0.5, assumed=False)
    assert found.max_in_flight == 3


def test_only_requests_and_tokens_a_minute_are_required(tmp_path: Path) -> None:
    found = lane(tmp_path, "rpm = 9\ntpm = 100")
    assert found.limit == Limit(rpm=9, tpm=100, rpd=None, tpd=None, ipm=None, share=1.0)
    assert found.max_in_flight is None


@pytest.mark.parametrize("name", ["rpd", "tpd", "ipm", "max_in_flight"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", '"many"'])
def test_nonsense_is_refused_with_its_place(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"models.gpt-4o.{name}"):
        lane(tmp_path, f"rpm = 9\ntpm = 100\n{name} = {value}")


def test_limits_that_nobody_stated_are_assumed(tmp_path: Path) -> None:
    lanes = load(tmp_path / "absent", openai_api_key=SecretStr("sk"), environment={}).lanes
    assert {found.limit.assumed for found in lanes.values()} == {True}
