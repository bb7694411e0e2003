"""Every route refuses a caller without a key, with a wrong or revoked one, without the scope, and of another tenant."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import ROUTERS
from tests.integration.api.test_jobs import order
from vision.storage import keys
from vision.storage.keys import Scope

OPEN = {"/healthz", "/readyz"}
SCOPES = {
    "/v1/jobs": {"GET": Scope.JOBS_READ, "POST": Scope.JOBS_WRITE, "DELETE": Scope.JOBS_WRITE},
    "/v1/estimates": {"POST": Scope.JOBS_WRITE},
    "/v1/files": {"GET": Scope.FILES_READ, "POST": Scope.FILES_WRITE, "DELETE": Scope.FILES_WRITE},
    "/v1/webhooks": {"GET": Scope.WEBHOOKS_READ},
    "/v1/keys": dict.fromkeys(("GET", "POST", "DELETE"), Scope.ADMIN),
    "/metrics": {"GET": Scope.ADMIN},
    "/v1/models": {"GET": Scope.JOBS_READ},
    "/v1/presets": {"GET": Scope.JOBS_READ},
    "/v1/lanes": {"GET": Scope.JOBS_READ, "POST": Scope.JOBS_WRITE},
}
ZERO = "0" * 32

Connected = Callable[[str], httpx2.AsyncClient]


def routes() -> Iterator[tuple[str, str, Scope]]:
    """Method, path with ids filled in, and the scope that it needs: for every route there is."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            if route.path not in OPEN:
                needed = next(by_method for start, by_method in SCOPES.items() if route.path.startswith(start))
                path = route.path.replace("{lane:path}", "fake/gpt-4o-mini").format(
                    job_id=f"job_{ZERO}", file_id=f"file_{ZERO}", key_id=f"key_{ZERO}"
                )
                for method in route.methods:
                    yield method, path, needed[method]


ROUTES = list(routes())


async def make_key(engine: AsyncEngine, tenant: str, *scopes: str) -> str:
    """A key."""
    async with engine.begin() as connection:
        return (await keys.create(connection, tenant, "test", scopes))[1]


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_every_route_asks_for_its_scope(
    connected: Connected, engine: AsyncEngine, method: str, path: str, scope: Scope
) -> None:
    lacking = await make_key(engine, "default", *(each for each in Scope if each not in {scope, Scope.ADMIN}))
    having = await make_key(engine, "default", scope)
    expected = {"": 401, "wrong": 401, keys.generate(): 401, lacking: 403}
    for key, status in expected.items():
        async with connected(key) as client:
            answer = await client.request(method, path)
        assert answer.status_code == status
        assert answer.json()["error"]["type"] in {"authentication_error", "permission_error"}
    async with connected(having) as client:
        assert (await client.request(method, path)).status_code not in {401, 403, 500}


async def test_another_tenants_objects_are_not_found(
    client: httpx2.AsyncClient, connected: Connected, engine: AsyncEngine
) -> None:
    job = (await client.post("/v1/jobs", json=order())).headers["location"]
    file = (await client.post("/v1/files", files={"file": b"x"})).json()["id"]
    key = (await client.post("/v1/keys", json={"name": "mine"})).json()["id"]
    reads = [job, f"{job}/items", f"{job}/results", f"/v1/files/{file}", f"/v1/files/{file}/content"]
    acts = [f"{job}/{verb}" for verb in ("cancel", "pause", "resume", "retry")]
    async with connected(await make_key(engine, "other", "admin")) as other:
        for path in reads:
            assert (await other.get(path)).status_code == 404
        for path in acts:
            assert (await other.post(path)).status_code == 404
        assert (await other.delete(f"/v1/keys/{key}")).status_code == 404
        assert (await other.delete(f"/v1/files/{file}")).status_code == 404
        for path in ("/v1/jobs", "/v1/keys", "/v1/files"):
            assert file not in (await other.get(path)).text
        assert (await other.get("/v1/jobs")).json()["data"] == []
        stolen = await other.post("/v1/jobs", json=order({"image": file}))
        assert stolen.json()["errors"][0]["code"] == "unknown_file"
        assert (await other.post("/v1/jobs", json={"preset": "ocr", "input_file_id": file})).status_code == 400
        secret = (await other.get("/v1/webhooks/default/secret")).json()["secret"]
    assert (await client.get("/v1/webhooks/default/secret")).json()["secret"] != secret
    assert (await client.get(job)).json()["status"] == "queued"


async def test_a_key_is_shown_once_and_stops_at_once(client: httpx2.AsyncClient, connected: Connected) -> None:
    made = (await client.post("/v1/keys", json={"name": "ci", "scopes": ["jobs:read"]})).json()
    assert made["secret"].startswith("tsk_")
    assert len(made["secret"]) == 40
    assert made["last4"] == made["secret"][-4:]
    listed = (await client.get("/v1/keys")).json()["data"]
    assert [key["id"] for key in listed] == [made["id"]]
    assert "secret" not in listed[0]
    async with connected(made["secret"]) as mine:
        assert (await mine.get("/v1/jobs")).status_code == 200
        revoked = (await client.delete(f"/v1/keys/{made['id']}")).json()
        assert revoked["revoked_at"]
        assert (await mine.get("/v1/jobs")).status_code == 401
    assert (await client.delete(f"/v1/keys/{made['id']}")).json() == revoked


async def test_secrets_are_stored_as_hashes(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    secret = (await client.post("/v1/keys", json={"name": "ci"})).json()["secret"]
    async with engine.connect() as connection:
        row: Any = (await connection.execute(text("SELECT * FROM api_keys"))).one()
    assert bytes(row.secret_hash) == keys.digest(secret)
    assert secret not in str(tuple(row))


def test_mistyped_keys_are_told_from_foreign_ones() -> None:
    key = keys.generate()
    assert not keys.is_mistyped(key)
    assert keys.is_mistyped(key[:-1] + ("a" if key[-1] != "a" else "b"))
    assert not keys.is_mistyped("my-own-admin-key")


def test_the_local_admin_key_is_made_once(tmp_path: Path) -> None:
    first = keys.admin_key(tmp_path / "new")
    assert keys.admin_key(tmp_path / "new") == first
    assert (tmp_path / "new" / "admin_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["admin_key"]


async def test_what_is_on_offer(client: httpx2.AsyncClient, app: FastAPI) -> None:
    models = {model["id"]: model for model in (await client.get("/v1/models")).json()["data"]}
    assert models["fake/gpt-4o-mini"]["price"]["input"] == "0.15"
    assert models["relay/mystery"]["price"] is None
    assert (models["screen/eyes"]["presets"], models["screen/eyes"]["custom_prompts"]) == (["moderation"], False)
    presets = (await client.get("/v1/presets")).json()["data"]
    assert len(presets) == 7
    lanes = (await client.get("/v1/lanes")).json()["data"]
    limits = lanes[0]["limits"]
    assert (limits["requests_per_minute"], limits["tokens_per_minute"], limits["in_flight"]) == (60, 6_000_000, None)
    assert lanes[0]["now"]["tokens_left"] == 6_000_000
    assert lanes[0]["tokens"] == {"input": 0, "output": 0, "image": 0, "cached": 0}
    assert lanes[0]["cost"] == {"currency": "USD", "spent": "0"}
    assert lanes[0]["breaker"] is None
    await client.post("/v1/jobs", json=order())
    metrics = (await client.get("/metrics")).text
    assert 'tessera_jobs{status="queued"} 1.0' in metrics
    assert 'tessera_lane_tokens_per_minute_limit{lane="fake/gpt-4o-mini"} 6e+06' in metrics
    assert 'tessera_lane_throttled_total{lane="fake/gpt-4o-mini"} 0.0' in metrics
    assert 'tessera_lane_in_flight{lane="relay/mystery"} 0.0' in metrics
    assert 'tessera_lane_down{lane="fake/gpt-4o-mini"} 0.0' in metrics
    ready = (await client.get("/readyz")).json()
    assert ready == {"status": "ready", "database": "ok", "redis": "ok", "broker": "ok"}
    assert "/v1/jobs/{job_id}/cancel" in app.openapi()["paths"]


def test_the_door_never_loads_the_providers_sdk() -> None:
    """It takes 1.8 s of CPU."""
    probe = "import sys, api.app; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
