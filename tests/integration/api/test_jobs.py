"""Creating, reading and listing jobs."""

import asyncio
from collections import Counter
from typing import Any

import httpx2
import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.api.hands import take
from vision.jobs import ids

URL = "https://example.com/a.jpg"
COUNTS = {"total", "queued", "in_flight", "succeeded", "failed", "cancelled", "expired"}


def order(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A job body with these items, or one."""
    return {"preset": "moderation", "items": list(items) or [{"image": URL}], **fields}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"preset": "moderatoin"}, "unknown_preset"),
        ({"preset": "ocr", "model": "gpt-9"}, "unknown_model"),
        ({"preset": "ocr", "detail": "huge"}, "unsupported_detail"),
        ({"preset": "ocr", "webhook_url": "http://a..b/"}, "webhook_url_blocked"),
        ({"prompt": "What?", "schema": {"type": "array"}}, "invalid_schema"),
        ({"preset": "ocr", "max_cost": "-1"}, "invalid_field"),
        ({}, "preset_or_prompt"),
    ],
)
async def test_fields_are_checked_before_anything_is_uploaded(
    client: httpx2.AsyncClient, fields: dict[str, Any], code: str
) -> None:
    refused = await client.post("/v1/jobs/check", json=fields)
    assert refused.status_code == 400
    submitted = await client.post("/v1/jobs", json={**fields, "items": [{"image": URL}]})
    assert refused.json()["error"]["code"] == submitted.json()["error"]["code"]
    assert code in (refused.json()["error"]["code"], "invalid_schema", "invalid_field")
    fine = await client.post("/v1/jobs/check", json={"preset": "ocr", "model": "gpt-4o-mini"})
    assert (fine.status_code, fine.json()["model"]) == (200, "gpt-4o-mini")
    assert (await client.get("/v1/jobs")).json()["data"] == []


async def test_a_job_is_created_and_read_back(client: httpx2.AsyncClient) -> None:
    body = order(
        {"custom_id": "a", "image": URL, "metadata": {"shelf": 3}},
        {"custom_id": "b", "images": [URL, "data:image/png;base64,AAAA"]},
        model="gpt-4o-mini",
        detail="high",
        max_cost="5.00",
        metadata={"who": "me"},
        deadline_seconds=3600,
    )
    created = await client.post("/v1/jobs", json=body)
    job = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/jobs/{job['id']}"
    assert job["object"] == "job"
    assert (job["status"], job["status_code"]) == ("queued", "waiting")
    assert (job["provider"], job["model"], job["detail"]) == ("fake", "gpt-4o-mini", "high")
    assert job["request_counts"] == dict.fromkeys(COUNTS, 0) | {"total": 2, "queued": 2}
    assert job["cost"]["cap"] == "5.00"
    assert job["expires_at"] == job["created_at"] + 3600
    assert job["metadata"] == {"who": "me"}
    assert (await client.get(f"/v1/jobs/{job['id']}")).json() == job


async def test_tokens_known_at_intake_need_no_measuring(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    body = order({"image": URL, "width": 1024, "height": 1024}, model="gpt-4o-mini", detail="high")
    job = (await client.post("/v1/jobs", json=body)).json()
    async with engine.connect() as connection:
        item = (await connection.execute(text("SELECT * FROM items"))).one()
        row = (await connection.execute(text("SELECT * FROM jobs"))).one()
        span = (await connection.execute(text("SELECT phase, start, stop FROM ranges"))).one()
    assert item.image_tokens == 25501
    assert tuple(span) == ("call", 1, 2)
    assert job["measured"] == 1
    assert job["tokens"]["estimated"] == 25501 + row.prompt_tokens + row.expected_output_tokens
    assert float(job["cost"]["estimated"]) > 0.0038


async def test_a_model_without_a_price_runs_for_who_says_so(client: httpx2.AsyncClient) -> None:
    created = await client.post("/v1/jobs", json=order(model="mystery", allow_unpriced=True))
    assert created.status_code == 201
    assert created.json()["cost"]["estimated"] == "0"


async def test_a_bound_is_told_on_the_job(client: httpx2.AsyncClient) -> None:
    item = {"image": URL, "width": 1024, "height": 1024}
    body = order(item, model="gpt-4o-mini", detail="high", fit="max", max_side=512)
    job = (await client.post("/v1/jobs", json=body)).json()
    assert (job["fit"], job["max_side"]) == ("max", 512)
    assert job["tokens"]["saved"] == 25501 - 8500
    assert job["cost"]["saved"] == "0.00255015"


async def test_one_unknown_size_sends_the_job_to_measuring(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    body = order({"image": URL, "width": 9, "height": 9}, {"image": URL}, model="gpt-4o-mini", detail="high")
    job = (await client.post("/v1/jobs", json=body)).json()
    async with engine.connect() as connection:
        tokens = (await connection.execute(text("SELECT image_tokens FROM items ORDER BY number"))).scalars().all()
        span = (await connection.execute(text("SELECT phase, start, stop FROM ranges"))).one()
    assert tokens[0] is not None
    assert tokens[1] is None
    assert tuple(span) == ("measure", 1, 3)
    assert job["measured"] == 1


async def test_low_detail_needs_no_size_and_images_add_up(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    body = order({"image": URL}, {"images": [URL, URL, URL]}, model="gpt-4o-mini", detail="low")
    await client.post("/v1/jobs", json=body)
    async with engine.connect() as connection:
        tokens = (await connection.execute(text("SELECT image_tokens FROM items ORDER BY number"))).scalars().all()
    assert list(tokens) == [2833, 3 * 2833]


async def test_lines_are_a_job_with_the_fields_in_the_query(client: httpx2.AsyncClient) -> None:
    fields = {"prompt": "What is it?", "schema": orjson.dumps(SCHEMA).decode(), "metadata": '{"a": 1}', "max_cost": "1"}
    sent = await client.post(
        "/v1/jobs", params=fields, content=lines(3), headers={"content-type": "application/x-ndjson"}
    )
    job = sent.json()
    assert sent.status_code == 201, job
    assert job["request_counts"]["total"] == 3
    assert job["preset"] is None
    assert job["metadata"] == {"a": 1}


async def test_an_uploaded_manifest_is_a_job(client: httpx2.AsyncClient) -> None:
    file = (await client.post("/v1/files", files={"file": ("m.jsonl", lines(4))})).json()
    job = await client.post("/v1/jobs", json={"preset": "ocr", "input_file_id": file["id"]})
    assert job.status_code == 201
    assert job.json()["request_counts"]["total"] == 4


async def test_jobs_are_listed_newest_first_page_by_page(client: httpx2.AsyncClient) -> None:
    made = [(await client.post("/v1/jobs", json=order())).json()["id"] for _ in range(5)]
    first = (await client.get("/v1/jobs", params={"limit": 2})).json()
    second = (await client.get("/v1/jobs", params={"limit": 2, "after": first["last_id"]})).json()
    third = (await client.get("/v1/jobs", params={"limit": 2, "after": second["last_id"]})).json()
    seen = [job["id"] for page in (first, second, third) for job in page["data"]]
    assert seen == made[::-1]
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]
    assert (await client.get("/v1/jobs", params={"status": "paused"})).json()["data"] == []
    assert len((await client.get("/v1/jobs", params={"status": "queued"})).json()["data"]) == 5


async def test_the_same_idempotency_key_makes_one_job(client: httpx2.AsyncClient) -> None:
    key = {"idempotency-key": "k-1"}
    first = await client.post("/v1/jobs", json=order(), headers=key)
    again = await client.post("/v1/jobs", json=order(), headers=key)
    other = await client.post("/v1/jobs", json=order(priority=3), headers=key)
    assert again.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_key_reused"


async def test_twins_at_the_same_time_make_one_job(client: httpx2.AsyncClient) -> None:
    headers = {"idempotency-key": "k-2", "content-type": "application/x-ndjson"}

    async def send() -> httpx2.Response:
        return await client.post("/v1/jobs", params={"preset": "ocr"}, content=lines(2_000), headers=headers)

    answers = await asyncio.gather(*(send() for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 5
    assert len((await client.get("/v1/jobs")).json()["data"]) == 1


async def test_a_refused_request_leaves_its_idempotency_key_free(client: httpx2.AsyncClient) -> None:
    key = {"idempotency-key": "k-3"}
    assert (await client.post("/v1/jobs", json=order(detail="nope"), headers=key)).status_code == 400
    assert (await client.post("/v1/jobs", json=order(), headers=key)).status_code == 201


@pytest.mark.parametrize("count", [5_000, 12_345])
async def test_long_manifests_are_stored_whole(client: httpx2.AsyncClient, engine: AsyncEngine, count: int) -> None:
    headers = {"content-type": "application/x-ndjson"}
    sent = await client.post("/v1/jobs", params={"preset": "ocr"}, content=lines(count), headers=headers)
    assert sent.json()["request_counts"]["total"] == count
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT count(*), min(number), max(number) FROM items"))).one()
        last = (await connection.execute(text(f"SELECT custom_id FROM items WHERE number = {count}"))).scalar_one()
    assert tuple(row) == (count, 1, count)
    assert last == f"sku-{count}"


async def test_a_duplicate_far_down_is_found_with_its_line(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    manifest = lines(7_000) + b'{"custom_id":"sku-17","image":"https://example.com/x"}\n' + lines(3)
    headers = {"content-type": "application/x-ndjson"}
    sent = await client.post("/v1/jobs", params={"preset": "ocr"}, content=manifest, headers=headers)
    assert sent.status_code == 400
    assert sent.json()["error"]["code"] == "duplicate_custom_id"
    assert sent.json()["errors"][0]["line"] == 7_001
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM items"))).scalar_one() == 0
        assert (await connection.execute(text("SELECT count(*) FROM jobs"))).scalar_one() == 0


async def test_a_new_job_starts_level_with_the_least_served(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    await client.post("/v1/jobs", json=order())
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE turns SET service = 5000"))
    await client.post("/v1/jobs", json=order())
    async with engine.connect() as connection:
        assert list((await connection.execute(text("SELECT service FROM turns"))).scalars()) == [5000, 5000]


async def test_a_weight_is_told_on_the_job_and_is_1_otherwise(client: httpx2.AsyncClient) -> None:
    ndjson = {"content-type": "application/x-ndjson"}
    query = {"preset": "ocr", "weight": "100"}
    sent = await client.post("/v1/jobs", params=query, content=lines(1), headers=ndjson)
    assert (await client.get(f"/v1/jobs/{sent.json()['id']}")).json()["weight"] == 100
    assert (await client.post("/v1/jobs", json=order(weight=3))).json()["weight"] == 3
    assert (await client.post("/v1/jobs", json=order())).json()["weight"] == 1


async def test_jobs_beside_each_other_get_tokens_by_weight(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    """The heavy job comes later: it has its share from then on, and catches up on nothing."""
    items = [{"image": URL}] * 400
    fields = {"model": "gpt-4o-mini", "detail": "low"}
    light = (await client.post("/v1/jobs", json=order(*items, **fields))).json()["id"]
    for _ in range(10):
        await take(engine, 4)
    heavy = (await client.post("/v1/jobs", json=order(*items, **fields, weight=3))).json()["id"]
    claims = [await take(engine, 4) for _ in range(40)]
    claimed = Counter(ids.public("job", item.job_id) for items in claims for item in items)
    assert claimed[heavy] == pytest.approx(120, abs=4)
    assert claimed[light] == 160 - claimed[heavy]


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


def lines(count: int) -> bytes:
    """A manifest."""
    return b"".join(
        b'{"custom_id":"sku-%d","image":"https://example.com/%d.jpg"}\n' % (n, n) for n in range(1, count + 1)
    )
