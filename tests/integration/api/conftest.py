"""The HTTP door in this process, on a database of the test's own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from api.app import create_app
from vision.settings import Settings

ADMIN_KEY = "an-admin-key-for-tests"
PROVIDERS = """
[[provider]]
name = "fake"
base_url = "http://127.0.0.1:9/v1"
[provider.models."gpt-4o-mini"]
rpm = 60
tpm = 6_000_000
[[provider]]
name = "relay"
base_url = "http://127.0.0.1:9/v1"
[provider.models."mystery"]
rpm = 60
tpm = 60_000
image_tokens = "none"
[[provider]]
name = "screen"
base_url = "http://127.0.0.1:9/v1"
[provider.models."eyes"]
rpm = 60
tpm = 60_000
image_tokens = "none"
price = "free"
presets = ["moderation"]
"""


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str) -> Settings:
    """The API's settings."""
    (tmp_path / "providers.toml").write_text(PROVIDERS)
    return Settings(
        database_url=database_url,  # type: ignore[arg-type] # pydantic makes it a secret
        redis_url=redis_url,  # type: ignore[arg-type] # pydantic makes it a secret
        admin_key=ADMIN_KEY,  # type: ignore[arg-type] # pydantic makes it a secret
        data_dir=tmp_path / "data",
        providers_file=tmp_path / "providers.toml",
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, started."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def connected(app: FastAPI) -> AsyncIterator[Callable[[str], httpx2.AsyncClient]]:
    """Makes clients by key."""
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)

    def client(key: str) -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx2.AsyncClient(transport=transport, base_url="http://tessera", headers=headers)

    yield client
    await transport.aclose()


@pytest.fixture
async def client(connected: Callable[[str], httpx2.AsyncClient]) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the admin key."""
    async with connected(ADMIN_KEY) as client:
        yield client
