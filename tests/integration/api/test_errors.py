"""Every refusal: its status, its stable code, and one body for RFC 9457 and the OpenAI SDK."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from tests.integration.api.test_jobs import URL, lines, order
from vision.settings import Settings

NO_FILE = "file_0123456789abcdef0123456789abcdef"
LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}

REFUSED: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "empty list": ({"preset": "ocr", "items": []}, "empty_job", "items"),
    "no items": ({"preset": "ocr"}, "empty_job", "items"),
    "neither preset nor prompt": ({"items": [{"image": URL}]}, "preset_or_prompt", "preset"),
    "both": (order(prompt="What?"), "preset_or_prompt", "preset"),
    "schema with preset": (order(schema=LOOSE), "preset_or_prompt", "schema"),
    "unknown preset": (order(preset="nope"), "unknown_preset", "preset"),
    "unknown model": (order(model="nope"), "unknown_model", "model"),
    "unknown detail": (order(detail="nope"), "unsupported_detail", "detail"),
    "language": (order(language="!"), "invalid_language", "language"),
    "output tokens": (order(max_output_tokens=1), "invalid_max_output_tokens", "max_output_tokens"),
    "loose schema": ({"prompt": "?", "schema": LOOSE, "items": [{"image": URL}]}, "invalid_schema", "schema"),
    "unknown field": (order(colour="red"), "unknown_field", "colour"),
    "negative cap": (order(max_cost="-1"), "invalid_request", "max_cost"),
    "cap without price": (order(model="mystery", max_cost="1"), "unpriced_model", "max_cost"),
    "no price": (order(model="mystery"), "unpriced_model", "model"),
    "cap without price, knowingly": (
        order(model="mystery", max_cost="1", allow_unpriced=True),
        "unpriced_model",
        "max_cost",
    ),
    **{
        f"weight {weight!r}": (order(weight=weight), "invalid_request", "weight")
        for weight in (0, 101, -1, "x", 1.5, True, None, [2])
    },
    "unknown fit": (order(fit="shrink"), "invalid_request", "fit"),
    "max without a bound": (order(fit="max"), "invalid_fit", "max_side"),
    "a bound without max": (order(fit="snap", max_side=512), "invalid_fit", "max_side"),
    "a bound of nothing": (order(fit="max", max_side=0), "invalid_request", "max_side"),
    "original where there is none": (order(model="gpt-4o-mini", detail="original"), "unsupported_detail", "detail"),
    "preset of another model": (order(preset="ocr", model="eyes"), "preset_not_supported", "preset"),
    "prompt for a screen": (
        {"prompt": "?", "model": "eyes", "items": [{"image": URL}]},
        "preset_not_supported",
        "prompt",
    ),
    "webhook scheme": (order(webhook_url="ftp://example.com"), "webhook_url_blocked", "webhook_url"),
    "webhook nowhere": (order(webhook_url="https://a..b/hook"), "webhook_url_blocked", "webhook_url"),
    "webhook inside": (order(webhook_url="http://127.0.0.1/hook"), "webhook_url_blocked", "webhook_url"),
    "nul in metadata": (order(metadata={"a": "\0"}), "invalid_request", "metadata"),
    "too many": (order(*[{"image": URL}] * 1_001), "invalid_request", "items"),
    "both sources": (order(input_file_id=NO_FILE), "invalid_request", None),
    "no such manifest": ({"preset": "ocr", "input_file_id": NO_FILE}, "unknown_file", "input_file_id"),
    "wrong kind of id": ({"preset": "ocr", "input_file_id": "job_1"}, "unknown_file", "input_file_id"),
    "no such image": (order({"image": NO_FILE}), "invalid_manifest", None),
    "no image": (order({"custom_id": "a"}), "invalid_manifest", "image"),
    "repeated id": (
        order({"custom_id": "a", "image": URL}, {"custom_id": "a", "image": URL}),
        "duplicate_custom_id",
        "custom_id",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_wrong_job_is_refused_by_name(client: httpx2.AsyncClient, name: str) -> None:
    body, code, param = REFUSED[name]
    answer = await client.post("/v1/jobs", json=body)
    problem = answer.json()
    assert answer.status_code == 400, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["error"] == {
        "message": problem["detail"],
        "type": "invalid_request_error",
        "param": param,
        "code": code,
    }
    assert problem["status"] == 400
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert (await client.get("/v1/jobs")).json()["data"] == []


async def test_wrong_lines_are_all_named_up_to_a_hundred(client: httpx2.AsyncClient) -> None:
    manifest = lines(3) + b'\n{"image": 7}\nnot json\n' + b"{}\n" * 200
    headers = {"content-type": "application/x-ndjson"}
    answer = await client.post("/v1/jobs", params={"preset": "ocr"}, content=manifest, headers=headers)
    errors = answer.json()["errors"]
    assert answer.json()["error"]["code"] == "invalid_manifest"
    assert len(errors) == 100
    assert [(error["line"], error["code"]) for error in errors[:3]] == [
        (4, "blank_line"),
        (5, "invalid_image"),
        (6, "invalid_json"),
    ]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("0", "weight: Input should be greater than or equal to 1."),
        ("101", "weight: Input should be less than or equal to 100."),
        ("x", "weight: Input should be a valid integer, unable to parse string as an integer."),
        ("1.5", "weight: Input should be a valid integer, unable to parse string as an integer."),
        ("true", "weight: Input should be a valid integer, unable to parse string as an integer."),
    ],
)
async def test_a_wrong_weight_in_a_query_is_refused(client: httpx2.AsyncClient, weight: str, message: str) -> None:
    headers = {"content-type": "application/x-ndjson"}
    query = {"preset": "ocr", "weight": weight}
    answer = await client.post("/v1/jobs", params=query, content=lines(1), headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": message,
        "type": "invalid_request_error",
        "param": "weight",
        "code": "invalid_request",
    }


async def test_true_is_no_weight(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/jobs", json=order(weight=True))
    assert answer.json()["detail"] == "weight: Input should be a valid integer."


async def test_bodies_of_other_kinds_are_refused(client: httpx2.AsyncClient) -> None:
    plain = await client.post("/v1/jobs", content=b"x", headers={"content-type": "text/plain"})
    gzip = await client.post("/v1/jobs", json=order(), headers={"content-encoding": "gzip"})
    broken = await client.post("/v1/jobs", content=b'{"preset":', headers={"content-type": "application/json"})
    query = await client.post(
        "/v1/jobs", params={"presets": "ocr"}, content=lines(1), headers={"content-type": "application/x-ndjson"}
    )
    assert [plain.status_code, gzip.status_code, broken.status_code, query.status_code] == [415, 415, 400, 400]
    assert broken.json()["error"]["code"] == "invalid_json"
    assert query.json()["error"]["code"] == "unknown_field"


async def test_unknown_places_answer_in_the_same_shape(client: httpx2.AsyncClient) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("PUT", "/v1/jobs", 405), ("GET", "/v1/jobs/job_1", 404)):
        answer = await client.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"after": "x"}, {"status": "x"}, {"page": 2}])
async def test_lists_refuse_what_they_do_not_know(client: httpx2.AsyncClient, query: dict[str, Any]) -> None:
    assert (await client.get("/v1/jobs", params=query)).status_code == 400


async def test_the_clients_own_request_id_is_echoed(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"x-client-request-id": "mine-1"})
    assert answer.headers["x-client-request-id"] == "mine-1"


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application with these settings."""
    app = create_app(settings)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": "Bearer an-admin-key-for-tests"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://tessera", headers=headers) as client,
    ):
        yield client


async def test_without_postgres_it_says_so_and_when_to_come_back(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": SecretStr("postgresql://x@127.0.0.1:9/x")})
    async with started(away) as client:
        jobs, ready, alive = [await client.get(path) for path in ("/v1/jobs", "/readyz", "/healthz")]
    assert jobs.status_code == 503
    assert jobs.headers["retry-after"] == "2"
    assert jobs.json()["error"]["code"] == "database_unavailable"
    assert ready.status_code == 503
    assert ready.json()["database"] == "unreachable"
    assert alive.status_code == 200


@pytest.mark.parametrize(
    ("revision", "status"), [("0001_jobs_and_results", 503), ("9999_of_the_next_version", 200), ("", 503)]
)
async def test_a_newer_database_is_served_and_an_older_one_is_not(
    client: httpx2.AsyncClient, engine: AsyncEngine, revision: str, status: int
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision or "gone"})
        if not revision:
            await connection.execute(text("DELETE FROM alembic_version"))
    assert (await client.get("/readyz")).status_code == status


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("hangs", [False, True])
async def test_without_the_broker_jobs_are_kept_and_readiness_says_so(
    settings: Settings, scheme: str, hangs: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if hangs else 9
        away = settings.model_copy(update={"broker_url": SecretStr(f"{scheme}://127.0.0.1:{port}//")})
        async with started(away) as client:
            created = await client.post("/v1/jobs", json=order())
            ready = [await client.get("/readyz") for _ in range(3)]
    assert created.status_code == 201
    told = {"status": "ready", "database": "ok", "redis": "ok", "broker": "unreachable"}
    assert [(one.status_code, one.json()) for one in ready] == [(200, told)] * 3


async def test_without_redis_jobs_are_kept(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:9/0")})
    async with started(away) as client:
        created = await client.post("/v1/jobs", json=order())
        ready, lanes = await client.get("/readyz"), await client.get("/v1/lanes")
        metrics = (await client.get("/metrics")).text
    assert created.status_code == 201
    assert (ready.status_code, ready.json()["redis"]) == (200, "unreachable")
    assert lanes.json()["data"][0]["now"] is None
    assert "tessera_lane_tokens_per_minute_limit" in metrics
    assert "tessera_lane_tokens_left" not in metrics


async def test_a_bug_of_ours_tells_nothing_but_the_request_id(app: FastAPI, client: httpx2.AsyncClient) -> None:
    opened = app.state.services
    app.state.services = None
    answer = await client.get("/v1/jobs")
    app.state.services = opened
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "NoneType" not in answer.text
