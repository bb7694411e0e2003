"""Items in pages and results as streams."""

import csv
import io
from decimal import Decimal

import httpx2
import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api import exports
from tests.integration.api.hands import LANE, fail, succeed, take
from tests.integration.api.test_control import act, make
from tests.integration.api.test_jobs import SCHEMA, URL
from vision.jobs.money import money
from vision.storage.reports.items import BATCH


async def results(client: httpx2.AsyncClient, path: str) -> list[dict[str, object]]:
    """The lines of a job's results."""
    answer = await client.get(f"{path}/results")
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [orjson.loads(line) for line in answer.content.splitlines()]


async def test_results_have_the_shape_of_the_contract(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 3)
    held = await take(engine, 2)
    await succeed(engine, held[0], answer={"flagged": False})
    await fail(engine, held[1])
    first, second = await results(client, path)
    assert isinstance(first.pop("finished_at"), int)
    assert first == {
        "custom_id": "1",
        "item_id": f"item_{path[-32:]}00000001",
        "status": "succeeded",
        "answer": {"flagged": False},
        "error": None,
        "model": "gpt-4o-mini",
        "usage": {"input_tokens": 2900, "output_tokens": 60, "image_tokens": 2833, "cached_tokens": 0},
        "cost": "0.000473",
        "attempts": 1,
        "latency_ms": 812,
        "request_id": "req_1",
    }
    assert (second["status"], second["answer"]) == ("failed", None)
    assert second["error"] == {"code": "image_corrupt", "message": "It is no image."}


async def test_items_that_a_cancelled_job_left_appear_at_its_end(
    client: httpx2.AsyncClient, engine: AsyncEngine
) -> None:
    path = await make(client, 3)
    await succeed(engine, *await take(engine, 1))
    assert len(await results(client, path)) == 1
    await act(client, path, "cancel")
    lines = await results(client, path)
    assert [line["status"] for line in lines] == ["succeeded", "cancelled", "cancelled"]
    assert lines[1]["error"] == {
        "code": "job_cancelled",
        "message": "The job was cancelled before this item was done.",
    }
    assert lines[1]["cost"] == "0"


async def test_results_longer_than_a_batch_are_whole_and_in_order(
    client: httpx2.AsyncClient, engine: AsyncEngine
) -> None:
    count = 2 * BATCH + 7
    lines = b"".join(b'{"image":"https://example.com/%d"}\n' % number for number in range(count))
    headers = {"content-type": "application/x-ndjson"}
    query = {"preset": "moderation", "detail": "low", "model": LANE}
    made = await client.post("/v1/jobs", params=query, content=lines, headers=headers)
    path = made.headers["location"]
    await succeed(engine, *await take(engine, count))
    assert [line["custom_id"] for line in await results(client, path)] == [str(n) for n in range(1, count + 1)]


async def test_csv_has_a_column_for_each_field_and_runs_no_formulas(
    client: httpx2.AsyncClient, engine: AsyncEngine
) -> None:
    items = [{"image": URL, "custom_id": "=1+1"}, {"image": URL}]
    body = {"prompt": "?", "schema": SCHEMA, "detail": "low", "model": LANE, "items": items}
    path = (await client.post("/v1/jobs", json=body)).headers["location"]
    held = await take(engine, 2)
    await succeed(engine, held[0], answer={"name": '@cmd, "x"\n'})
    await fail(engine, held[1])
    answer = await client.get(f"{path}/results", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "attachment" in answer.headers["content-disposition"]
    first, second = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert first["custom_id"] == "'=1+1"
    assert first["answer.name"] == '\'@cmd, "x"\n'
    assert (first["cost"], first["image_tokens"], first["error_code"]) == ("0.000473", "2833", "")
    assert (second["status"], second["error_code"], second["answer.name"]) == ("failed", "image_corrupt", "")


async def test_parquet_is_refused_for_now(client: httpx2.AsyncClient) -> None:
    path = await make(client, 1)
    answer = await client.get(f"{path}/results", params={"format": "parquet"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_format")


async def test_items_are_listed_with_their_present_state(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 4)
    held = await take(engine, 3)
    await succeed(engine, held[0])
    await fail(engine, held[1])
    page = (await client.get(f"{path}/items")).json()
    assert [item["status"] for item in page["data"]] == ["succeeded", "failed", "in_flight", "queued"]
    assert page["data"][1]["error"]["code"] == "image_corrupt"
    assert page["data"][3]["image_tokens"] == 2833
    assert page["data"][0]["attempts"] == 1
    failed = (await client.get(f"{path}/items", params={"status": "failed"})).json()
    assert [item["custom_id"] for item in failed["data"]] == ["2"]


async def test_items_come_in_pages(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 5)
    first = (await client.get(f"{path}/items", params={"limit": 3})).json()
    second = (await client.get(f"{path}/items", params={"limit": 3, "after": first["last_id"]})).json()
    assert [item["custom_id"] for item in first["data"] + second["data"]] == list("12345")
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert (await client.get(f"{path}/items", params={"after": "item_1"})).json()["error"]["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("5", "5.00"), ("0.00047300", "0.000473"), ("1E-8", "0.00000001"), ("1E+3", "1000.00"), ("0E-8", "0")],
)
def test_money_is_plain_decimal_text(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (-1.5, "-1.5"), (["=a"], '["=a"]'), ("-1", "'-1"), ("+1", "'+1"), ("\t", "'\t")],
)
def test_cells_are_text_that_no_spreadsheet_runs(value: object, text: str) -> None:
    assert exports.cell(value) == text
