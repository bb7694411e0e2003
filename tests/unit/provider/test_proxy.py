"""Which proxy leads to a provider."""

import os

import pytest
from httpx2 import URL

from vision.errors import ConfigurationError
from vision.provider.proxy import proxy_for

OPENAI = URL("https://api.openai.com/v1")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def test_without_proxies_the_way_is_direct() -> None:
    assert proxy_for(OPENAI) is None


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("HTTPS_PROXY", "http://proxy:3128", "http://proxy:3128"),
        ("https_proxy", "proxy:3128", "http://proxy:3128"),
        ("ALL_PROXY", "https://proxy", "https://proxy"),
        ("HTTP_PROXY", "http://proxy:3128", None),
    ],
)
def test_the_proxy_of_the_scheme(monkeypatch: pytest.MonkeyPatch, name: str, value: str, found: str | None) -> None:
    monkeypatch.setenv(name, value)
    assert proxy_for(OPENAI) == found


@pytest.mark.parametrize("exempt", ["*", "openai.com", ".openai.com", "a.example, api.openai.com"])
def test_hosts_that_need_none(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", exempt)
    assert proxy_for(OPENAI) is None
    assert proxy_for(URL("https://relay.example/v1")) == (None if exempt == "*" else "http://proxy:3128")


def test_a_kind_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:hush@proxy:1080")
    with pytest.raises(ConfigurationError, match="socks5") as caught:
        proxy_for(OPENAI)
    assert "hush" not in caught.value.message
