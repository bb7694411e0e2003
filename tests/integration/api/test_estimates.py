"""Estimates through the door: tokens as the provider charges them, in every form of request, and nothing stored."""

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx2
import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_measured_job
from tests.fakes import FakeProcess, charges, images, start
from tests.integration.api.test_jobs import order
from tests.integration.storage.test_earlier_answers import answered
from tests.queries import rows
from vision.estimate import sample, size_reader
from vision.presets import get
from vision.settings import Settings
from vision.storage import keys
from vision.storage.keys import Scope
from vision.tokens import count_image
from vision.tokens.text import call_tokens

TIGHT = """
[[provider]]
name = "tight"
base_url = "http://127.0.0.1:9/v1"
[provider.models."gpt-4o"]
rpm = 60
tpm = 5_000
"""
NDJSON = {"content-type": "application/x-ndjson"}
MODERATION = get("moderation")
TEXT = call_tokens(MODERATION.render("en"), MODERATION.schema)
SIZES = [(1024, 768), (1025, 1024), (4_000, 3_000), (90, 3_000), (1, 1)]


@pytest.fixture(scope="module")
def host() -> Iterator[FakeProcess]:
    """Images by URL."""
    with start("image_host") as fake:
        yield fake


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine images take their time."""
    monkeypatch.setattr(sample, "SECONDS", 120.0)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As for the other routes, but images may come from this machine, and one more lane has a small bucket."""
    with settings.providers_file.open("a") as file:
        file.write(TIGHT)
    return settings.model_copy(update={"allow_private_networks": True})


async def estimate(client: httpx2.AsyncClient, *items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The answer to a JSON body."""
    answer = await client.post("/v1/estimates", json=order(*items, **fields))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refusal(client: httpx2.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """The problem that a JSON body is answered with."""
    answer = await client.post("/v1/estimates", json=body)
    assert answer.status_code == 400, answer.text
    problem: dict[str, Any] = answer.json()
    return problem


def told(*sizes: tuple[int, int]) -> list[dict[str, Any]]:
    """An item for each size."""
    return [{"width": width, "height": height} for width, height in sizes]


def only(found: dict[str, Any]) -> dict[str, Any]:
    """The only row."""
    (row,) = found["data"]
    return dict(row)


async def test_told_sizes_are_counted_as_the_provider_charges_them(client: httpx2.AsyncClient) -> None:
    models, details = ["gpt-4o-mini", "gpt-4o", "gpt-5.4"], ["low", "high", "original"]
    found = await estimate(client, *told(*SIZES), models=models, details=details)
    assert found["items"] == {"total": 5, "sized": 5, "measured": 0, "sampled": 5, "unreadable": 0}
    assert (found["object"], found["preset"], found["exact"], found["confidence"]) == (
        "estimate",
        "moderation",
        True,
        None,
    )
    shown = {(row["model"], row["detail"]): row["tokens"] for row in found["data"]}
    asked = [(model, detail) for model in models for detail in details]
    expected = [pair for pair in asked if pair[1] != "original" or pair[0] == "gpt-5.4"]
    assert sorted(shown) == sorted(expected)
    for (model, detail), tokens in shown.items():
        image = sum(charges.image_tokens(model, detail, *size) for size in SIZES)
        output = 5 * MODERATION.expected_output_tokens
        assert tokens == {
            "input": image + 5 * TEXT,
            "image": image,
            "text": 5 * TEXT,
            "output": output,
            "total": image + 5 * TEXT + output,
            "interval": None,
        }


async def test_a_row_tells_cost_time_and_what_shrinking_saves(client: httpx2.AsyncClient) -> None:
    found = await estimate(client, *told((1025, 1025)), model="gpt-4o-mini", detail="high", fit="max", max_side=512)
    row = only(found)
    tokens = 2833 + 5667
    output = MODERATION.expected_output_tokens
    dollars = (Decimal(tokens + TEXT) * Decimal("0.15") + output * Decimal("0.60")) / 1_000_000
    assert (found["fit"], found["max_side"]) == ("max", 512)
    assert row | {"tokens": 0, "cost": 0, "fits": 0} == {
        "object": "estimate.row",
        "model": "gpt-4o-mini",
        "provider": "fake",
        "lane": "fake/gpt-4o-mini",
        "configured": True,
        "detail": "high",
        "image_rule": "openai:gpt-4o-mini",
        "confirmed": True,
        "tokens": 0,
        "rejected_items": 0,
        "too_large_items": 0,
        "cost": 0,
        "seconds": 1,
        "output_source": "preset",
        "fits": 0,
        "shutdown_date": "2027-01-14",
    }
    assert row["tokens"]["image"] == tokens
    cost = row["cost"]
    assert Decimal(cost["estimated"]) == Decimal(cost["per_item"]) == dollars.quantize(Decimal("0.00000001"))
    assert abs(Decimal(cost["batch"]) - dollars / 2) <= Decimal("0.00000001")
    assert (cost["price"]["input"], cost["price"]["output"], cost["interval"]) == ("0.15", "0.6", None)
    unfitted = charges.image_tokens("gpt-4o-mini", "high", 1025, 1025)
    assert {fit: saved["image_tokens"] for fit, saved in row["fits"].items()} == {
        "none": unfitted,
        "snap": unfitted,
        "max": tokens,
    }
    assert row["fits"]["max"]["cost"] == cost["estimated"]
    assert Decimal(row["fits"]["none"]["cost"]) > dollars


async def test_time_is_that_of_the_lanes_limits(client: httpx2.AsyncClient) -> None:
    """60 requests and 6,000,000 tokens a minute."""
    found = await estimate(client, *told(*[(8, 8)] * 90), model="gpt-4o-mini", detail="low")
    assert only(found)["seconds"] == 90
    found = await estimate(client, {"sizes": [[1024, 1024]] * 20}, model="gpt-4o-mini", detail="high")
    assert only(found)["seconds"] == -(-60 * only(found)["tokens"]["total"] // 6_000_000) == 6


async def test_rows_are_cheapest_first_and_those_without_a_price_last(client: httpx2.AsyncClient) -> None:
    found = await estimate(client, *told((1024, 1024)))
    assert {row["lane"] for row in found["data"]} == {
        "fake/gpt-4o-mini",
        "tight/gpt-4o",
        "relay/mystery",
        "screen/eyes",
    }
    assert {row["detail"] for row in found["data"]} == {"low", "high", "original"}
    costs = [row["cost"]["estimated"] for row in found["data"]]
    priced = [Decimal(cost) for cost in costs if cost is not None]
    assert costs == [*costs[: len(priced)], None, None, None]
    assert priced == sorted(priced)
    assert found["data"][-1]["cost"] == dict.fromkeys(("estimated", "interval", "batch", "flex", "per_item", "price"))
    assert found["data"][-1]["fits"]["none"] == {"image_tokens": 0, "cost": None}


async def test_a_model_that_nobody_offers_is_estimated_at_list_price_without_a_time(
    client: httpx2.AsyncClient,
) -> None:
    row = only(await estimate(client, *told((1024, 1024)), models=["gpt-4.1"], detail="high"))
    assert (row["configured"], row["lane"], row["provider"], row["seconds"]) == (False, None, None, None)
    assert row["tokens"]["image"] == charges.image_tokens("gpt-4.1", "high", 1024, 1024) == 765
    assert row["cost"]["price"]["input"] == "2"
    assert Decimal(row["cost"]["batch"]) * 2 == Decimal(row["cost"]["estimated"])


async def test_a_model_named_twice_is_one_row(client: httpx2.AsyncClient) -> None:
    models = ["gpt-4o-mini", "fake/gpt-4o-mini", "gpt-4o-mini"]
    only(await estimate(client, *told((8, 8)), models=models, details=["low", "low"]))


async def test_all_three_forms_say_the_same(client: httpx2.AsyncClient) -> None:
    items = [
        *told(*SIZES),
        {"sizes": [[800, 600], [1, 65_535]]},
        {"image": "https://example.com/a.jpg", **told((9, 9))[0]},
    ]
    fields = {"preset": "ocr", "models": ["gpt-4o-mini", "gpt-4o"], "details": ["low", "high"], "language": "de"}
    inline = await client.post("/v1/estimates", json={"items": items, **fields})
    manifest = b"\n".join(map(orjson.dumps, items))
    query = {**fields, "models": "gpt-4o-mini,gpt-4o", "details": "low, high"}
    lines = await client.post("/v1/estimates", params=query, content=manifest, headers=NDJSON)
    file = (await client.post("/v1/files", files={"file": ("m.jsonl", manifest)})).json()
    uploaded = await client.post("/v1/estimates", json={"input_file_id": file["id"], **fields})
    assert inline.status_code == 200, inline.text
    assert inline.json() == lines.json() == uploaded.json()
    assert inline.json()["items"]["total"] == 7
    assert len(inline.json()["data"]) == 4


async def test_a_job_can_be_sent_as_it_is_and_nothing_is_stored(
    client: httpx2.AsyncClient, engine: AsyncEngine
) -> None:
    body = order(
        *told((800, 600)),
        model="mystery",
        detail="low",
        max_cost="0.01",
        webhook_url="ftp://nowhere",
        priority=5,
        weight=7,
        deadline_seconds=60,
        metadata={"a": 1},
        allow_unpriced=True,
    )
    assert (await client.post("/v1/estimates", json=body)).status_code == 200
    for table in ("jobs", "items", "files"):
        assert await rows(engine, f"SELECT 1 FROM {table}") == []


async def test_a_job_expects_what_its_estimate_said(client: httpx2.AsyncClient) -> None:
    items = [{"image": "https://example.com/a.jpg", **size} for size in told(*SIZES)]
    for fit in ({}, {"fit": "snap"}, {"fit": "max", "max_side": 600}):
        body = order(*items, model="gpt-4o", detail="high", **fit)
        row = only((await client.post("/v1/estimates", json=body)).json())
        job = (await client.post("/v1/jobs", json=body)).json()
        assert row["tokens"]["total"] == job["tokens"]["estimated"]
        assert row["cost"]["estimated"] == job["cost"]["estimated"]
        assert row["seconds"] == pytest.approx(job["eta_seconds"], abs=1)


@pytest.mark.parametrize(("model", "rule"), [("claude-sonnet-4-5", "anthropic"), ("gemini-2.5-pro", "google")])
async def test_other_makers_models_can_be_compared(client: httpx2.AsyncClient, model: str, rule: str) -> None:
    row = only(await estimate(client, *told((1024, 768)), models=[model], detail="high"))
    assert row["image_rule"] == f"{rule}:{model}"
    assert row["tokens"]["image"] == count_image(row["image_rule"], "high", 1024, 768).tokens > 0
    assert Decimal(row["cost"]["estimated"]) > 0


async def test_a_prompt_and_a_schema_of_the_callers_own(client: httpx2.AsyncClient) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    body = {"prompt": "What is it?", "schema": schema, "max_output_tokens": 50, "items": told((8, 8))}
    found = (await client.post("/v1/estimates", json=body | {"models": ["gpt-4o-mini"], "details": ["low"]})).json()
    tokens = only(found)["tokens"]
    assert found["preset"] is None
    assert (tokens["text"], tokens["output"]) == (call_tokens("What is it?", schema), 50)


async def test_unknown_sizes_are_measured(client: httpx2.AsyncClient, host: FakeProcess) -> None:
    items = [
        {"image": f"{host.url}/1025x700/a.jpg"},
        {"images": [f"{host.url}/300x200/b.png", f"{host.url}/2000x900/c.webp"], "width": 1, "height": 1},
        {"image": "data:image/png;base64," + base64.b64encode(images.png(640, 480)).decode()},
        *told((1024, 768)),
    ]
    found = await estimate(client, *items, model="gpt-4o-mini", detail="high")
    sizes = [(1025, 700), (300, 200), (2000, 900), (640, 480), (1024, 768)]
    assert found["items"] == {"total": 4, "sized": 1, "measured": 3, "sampled": 4, "unreadable": 0}
    assert found["exact"] is True
    assert only(found)["tokens"]["image"] == sum(charges.image_tokens("gpt-4o-mini", "high", *size) for size in sizes)


async def test_only_the_beginning_of_an_image_is_read(client: httpx2.AsyncClient, host: FakeProcess) -> None:
    host.post("/_/reset")
    await estimate(client, {"image": f"{host.url}/4000x3000/a.jpg"}, model="gpt-4o-mini")
    (hit,) = host.get("/_/log")["hits"]
    assert hit["range"] == "bytes=0-16383"


async def test_uploads_are_measured_and_anothers_are_not(
    client: httpx2.AsyncClient, engine: AsyncEngine, connected: Callable[[str], httpx2.AsyncClient]
) -> None:
    file = (await client.post("/v1/files", files={"file": ("a.png", images.png(900, 100))})).json()
    found = await estimate(client, {"image": file["id"]}, model="gpt-4o-mini", detail="high")
    assert only(found)["tokens"]["image"] == charges.image_tokens("gpt-4o-mini", "high", 900, 100)
    async with engine.begin() as connection:
        key = (await keys.create(connection, "other", "theirs", [Scope.JOBS_WRITE]))[1]
    async with connected(key) as other:
        problem = await refusal(other, order({"image": "https://example.com"}, {"image": file["id"]}))
    assert problem["error"]["code"] == "invalid_manifest"
    assert problem["detail"] == f"Line 2: no file has the id {file['id']}."


async def test_details_that_cost_the_same_at_any_size_need_no_images(
    client: httpx2.AsyncClient, host: FakeProcess
) -> None:
    host.post("/_/reset")
    items = [{"image": f"{host.url}/status/404"}, {"images": [f"{host.url}/slow"] * 2}]
    found = await estimate(client, *items, models=["gpt-4o-mini", "mystery"], details=["low"])
    assert found["items"] == {"total": 2, "sized": 0, "measured": 0, "sampled": 2, "unreadable": 0}
    assert found["exact"] is True
    assert {row["model"]: row["tokens"]["image"] for row in found["data"]} == {"gpt-4o-mini": 3 * 2833, "mystery": 0}
    assert host.get("/_/log")["total"] == 0


async def test_a_large_manifest_is_measured_on_a_sample(
    client: httpx2.AsyncClient, host: FakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(size_reader, "SAMPLE", 40)
    sizes = [(100 + 3 * number, 1_200 - 3 * number) for number in range(300)]
    untold = [{"image": f"{host.url}/{width}x{height}/a.jpg"} for width, height in sizes]
    fields = {"models": ["gpt-4o-mini", "gpt-5.4"], "details": ["low", "high"]}
    found = await estimate(client, *untold, *told(*sizes), **fields)
    assert found["items"] == {"total": 600, "sized": 300, "measured": 40, "sampled": 340, "unreadable": 0}
    assert (found["exact"], found["confidence"]) == (False, 0.95)
    for row in found["data"]:
        image = 2 * sum(charges.image_tokens(row["model"], row["detail"], *size) for size in sizes)
        if (row["model"], row["detail"]) == ("gpt-4o-mini", "low"):
            assert row["tokens"]["image"] == image
            assert (row["tokens"]["interval"], row["cost"]["interval"]) == (None, None)
            continue
        low, high = row["tokens"]["interval"]
        assert low < row["tokens"]["total"] < high
        # Three times as wide as at 95 %: a miss would be a defect, not chance.
        assert abs(row["tokens"]["image"] - image) < 3 * (high - low) / 2
        least, most = map(Decimal, row["cost"]["interval"])
        assert least < Decimal(row["cost"]["estimated"]) < most


async def test_images_that_cannot_be_read_are_a_share_that_costs_nothing(
    client: httpx2.AsyncClient, host: FakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [{"image": f"{host.url}/512x512/a.jpg"}] * 6
    bad = [{"image": f"{host.url}/{path}"} for path in ("status/404", "page.html", "animated.gif")]
    found = await estimate(client, *good, *bad, model="gpt-4o-mini", detail="high")
    assert found["items"] == {"total": 9, "sized": 0, "measured": 6, "sampled": 9, "unreadable": 3}
    assert found["exact"] is True
    assert only(found)["tokens"]["image"] == 6 * 8500
    assert only(found)["tokens"]["text"] == 6 * TEXT
    monkeypatch.setattr(size_reader, "SAMPLE", 8)
    found = await estimate(client, *good * 10, *bad * 10, model="gpt-4o-mini", detail="high")
    readable = found["items"]["measured"]
    assert found["items"]["unreadable"] == 8 - readable
    assert found["exact"] is False
    assert only(found)["tokens"]["image"] == pytest.approx(90 * readable / 8 * 8500, abs=1)


async def test_when_no_image_can_be_measured_the_reason_is_told(client: httpx2.AsyncClient, host: FakeProcess) -> None:
    problem = await refusal(client, order({"image": f"{host.url}/status/404"}, model="gpt-4o-mini", detail="high"))
    assert (problem["error"]["code"], problem["error"]["param"]) == ("sizes_unknown", "items")
    assert "404" in problem["detail"]
    assert "Give width and height" in problem["detail"]


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/a.jpg", "http://user@example.com/a.jpg"])
async def test_what_workers_may_not_reach_an_estimate_may_not_either(client: httpx2.AsyncClient, url: str) -> None:
    problem = await refusal(client, order({"image": url}, model="gpt-4o-mini", detail="high"))
    assert problem["error"]["code"] == "sizes_unknown"
    assert "private or reserved" in problem["detail"] or "user name" in problem["detail"]


async def test_a_slow_host_is_not_waited_for(
    client: httpx2.AsyncClient, host: FakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = {"image": f"{host.url}/slow"}, {"image": f"{host.url}/512x512/a.jpg"}
    await estimate(client, quick, model="gpt-4o-mini", detail="high")  # all is loaded and made by now
    monkeypatch.setattr(sample, "SECONDS", 3.0)
    found = await estimate(client, *[quick] * 5, slow, model="gpt-4o-mini", detail="high")
    assert found["items"] == {"total": 6, "sized": 0, "measured": 5, "sampled": 5, "unreadable": 0}
    assert only(found)["tokens"]["image"] == 6 * 8500
    problem = await refusal(client, order(slow, model="gpt-4o-mini", detail="high"))
    assert problem["error"]["code"] == "sizes_unknown"


async def test_one_broken_image_among_told_sizes_is_no_obstacle(client: httpx2.AsyncClient, host: FakeProcess) -> None:
    found = await estimate(
        client, *told((512, 512)), {"image": f"{host.url}/status/404"}, model="gpt-4o-mini", detail="high"
    )
    assert found["items"] == {"total": 2, "sized": 1, "measured": 0, "sampled": 2, "unreadable": 1}
    assert only(found)["tokens"]["image"] == 8500


async def test_items_that_the_provider_would_refuse_are_counted_and_cost_nothing(client: httpx2.AsyncClient) -> None:
    huge, small = told((8_000, 4_000)), told((64, 64))
    asked: dict[str, Any] = {"models": ["gpt-6-astra"], "detail": "original"}
    row = only(await estimate(client, *huge, *small, **asked))
    assert (row["rejected_items"], row["too_large_items"]) == (1, 0)
    assert (row["tokens"]["image"], row["tokens"]["text"]) == (5, TEXT)
    alone = only(await estimate(client, *small, **asked))
    assert row["cost"]["estimated"] == alone["cost"]["estimated"]
    shrunk = only(await estimate(client, *huge, **asked, fit="max", max_side=2_000))
    assert (shrunk["rejected_items"], shrunk["fits"]["none"]["image_tokens"]) == (0, 0)
    assert shrunk["fits"]["max"]["image_tokens"] == charges.image_tokens("gpt-6-astra", "original", 2_000, 1_000)


async def test_items_larger_than_the_lanes_bucket_are_counted_and_cost_nothing(client: httpx2.AsyncClient) -> None:
    """A call reserves its images, its text and the longest answer; 5,000 tokens a minute hold so many images."""
    most = (5_000 - TEXT - MODERATION.max_output_tokens) // 255
    fits, over = {"sizes": [[512, 512]] * most}, {"sizes": [[512, 512]] * (most + 1)}
    row = only(await estimate(client, fits, over, over, model="tight/gpt-4o", detail="high"))
    assert (row["rejected_items"], row["too_large_items"]) == (0, 2)
    assert row["tokens"]["image"] == most * charges.image_tokens("gpt-4o", "high", 512, 512)
    assert row["tokens"]["text"] == TEXT


async def test_of_a_very_long_manifest_not_every_line_is_read(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(size_reader, "MOST_LINES", 500)
    sizes = [(100 + number % 2_000, 100 + number * 7 % 2_000) for number in range(5_000)]
    manifest = b"\n".join(map(orjson.dumps, told(*sizes)))
    query = {"preset": "moderation", "model": "gpt-4o-mini", "detail": "high"}
    found = (await client.post("/v1/estimates", params=query, content=manifest, headers=NDJSON)).json()
    assert found["items"] == {"total": 5_000, "sized": 500, "measured": 0, "sampled": 500, "unreadable": 0}
    row = only(found)
    assert (found["exact"], found["confidence"]) == (False, 0.95)
    assert row["tokens"]["text"] == 5_000 * TEXT
    truth = sum(charges.image_tokens("gpt-4o-mini", "high", *size) for size in sizes)
    low, high = row["tokens"]["interval"]
    assert abs(row["tokens"]["image"] - truth) < 3 * (high - low) / 2
    assert (high - low) / row["tokens"]["total"] < 0.2


async def test_the_length_of_answers_is_learned(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    await answered(engine, await make_measured_job(engine, 40), [70] * 39 + [111], text=444)
    row = only(await estimate(client, *told((8, 8)), model="gpt-4o-mini", detail="low"))
    assert row["output_source"] == "observed"
    assert (row["tokens"]["output"], row["tokens"]["text"]) == (71, 444)
    capped = await estimate(client, *told((8, 8)), model="gpt-4o-mini", detail="low", max_output_tokens=20)
    assert only(capped)["tokens"]["output"] == 20


async def test_two_estimates_at_once_the_others_wait_and_the_rest_of_the_api_does_not(
    client: httpx2.AsyncClient, host: FakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [{"image": f"{host.url}/512x512/a.jpg"}, {"image": f"{host.url}/slow"}]
    fields: dict[str, Any] = {"model": "gpt-4o-mini", "detail": "high"}
    await estimate(client, items[0], **fields)  # all is loaded and made by now
    monkeypatch.setattr(sample, "SECONDS", 5.0)
    host.post("/_/reset")

    async def begun() -> int:
        log = await asyncio.to_thread(host.get, "/_/log")
        return sum(hit["path"] == "/slow" for hit in log["hits"])

    ended: list[float] = []
    waiting = [asyncio.create_task(estimate(client, *items, **fields)) for _ in range(3)]
    for task in waiting:
        task.add_done_callback(lambda _: ended.append(time.monotonic()))
    while await begun() < 2:
        await asyncio.sleep(0.01)
    assert (await client.get("/v1/presets")).status_code == 200
    assert await begun() == 2
    assert not ended
    await asyncio.gather(*waiting)
    assert await begun() == 3
    assert max(ended) - min(ended) > 2.5, "the third began when one of the first two had ended"
    assert all(task.result() == waiting[0].result() for task in waiting)


REFUSED: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no items": ({"preset": "ocr"}, "empty_job", "items"),
    "empty list": ({"preset": "ocr", "items": []}, "empty_job", "items"),
    "neither preset nor prompt": ({"items": told((8, 8))}, "preset_or_prompt", "preset"),
    "unknown preset": (order(*told((8, 8)), preset="nope"), "unknown_preset", "preset"),
    "unknown model": (order(*told((8, 8)), models=["gpt-4o-mini", "gpt-4p"]), "unknown_model", "model"),
    "model without a published rule": (order(*told((8, 8)), models=["gpt-image-2"]), "unknown_model", "model"),
    "too many models": (order(*told((8, 8)), models=["gpt-4o"] * 51), "invalid_request", "models"),
    "too many details": (order(*told((8, 8)), details=["low"] * 5), "invalid_request", "details"),
    "no name": (order(*told((8, 8)), models=[""]), "invalid_request", "models.0"),
    "detail that none has": (
        order(*told((8, 8)), models=["gpt-4o"], details=["original"]),
        "unsupported_detail",
        "details",
    ),
    "no such detail": (order(*told((8, 8)), model="gpt-4o-mini", detail="ultra"), "unsupported_detail", "detail"),
    "preset of another model": (order(*told((8, 8)), preset="ocr", model="eyes"), "preset_not_supported", "preset"),
    "fit without a bound": (order(*told((8, 8)), fit="max"), "invalid_fit", "max_side"),
    "language": (order(*told((8, 8)), language="!"), "invalid_language", "language"),
    "wrong size": (order({"width": 0, "height": 8}), "invalid_manifest", "width"),
    "absurd size": (order({"sizes": [[70_000, 8]]}), "invalid_manifest", "sizes"),
    "no such image": (order({"image": "file_" + "0" * 32}), "invalid_manifest", None),
    "unknown field": (order(*told((8, 8)), colour="red"), "unknown_field", "colour"),
    "no such manifest": ({"preset": "ocr", "input_file_id": "file_" + "0" * 32}, "unknown_file", "input_file_id"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_bad_input_is_refused_by_name(client: httpx2.AsyncClient, name: str) -> None:
    body, code, param = REFUSED[name]
    problem = await refusal(client, body)
    assert (problem["error"]["code"], problem["error"]["param"]) == (code, param), problem


async def test_an_unknown_model_is_told_its_nearest_names(client: httpx2.AsyncClient) -> None:
    problem = await refusal(client, order(*told((8, 8)), models=["gpt-4o-mnii"]))
    assert "gpt-4o-mini" in problem["detail"]


async def test_wrong_lines_are_named_with_their_numbers(client: httpx2.AsyncClient) -> None:
    manifest = b'{"width": 8, "height": 8}\n{"width": 8}\n\n{"sizes": [[1, 2]]}\nnot json\n'
    answer = await client.post("/v1/estimates", params={"preset": "ocr"}, content=manifest, headers=NDJSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_manifest"
    assert [(each["line"], each["code"]) for each in answer.json()["errors"]] == [
        (2, "invalid_field"),
        (3, "blank_line"),
        (5, "invalid_json"),
    ]


@pytest.mark.parametrize("body", [b"", b"\n"])
async def test_an_empty_body(client: httpx2.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/estimates", params={"preset": "ocr"}, content=body, headers=NDJSON)
    assert answer.json()["error"]["code"] == ("invalid_manifest" if body else "empty_job")
