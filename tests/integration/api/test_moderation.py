"""A job on a model that is asked nothing, from its order to its results, on the API and a worker together."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import openai
import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fakes import FakeProcess, start
from tests.integration.worker.test_work import finished, working
from tests.queries import rows
from vision import intake
from vision.files.folder import Folder
from vision.intake import IntakeContext, Order
from vision.intake.order import StepOrder
from vision.jobs import ids
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider.catalogue import configured
from vision.settings import Settings

MODEL = "fake/omni-moderation-latest"
NAMES = ("plain", "violence", "plain-too", "sexual")


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProcess]:
    with start("provider", "--key", "none") as process:
        yield process


@pytest.fixture(scope="module")
def host() -> Iterator[FakeProcess]:
    with start("image_host") as process:
        yield process


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str, provider: FakeProcess) -> Settings:
    """As in conftest, with a provider of two kinds of models, and without the API's key."""
    provider.post("/_/reset")
    (tmp_path / "providers.toml").write_text(
        f'[[provider]]\nname = "fake"\nbase_url = "{provider.url}/v1"\nprice_factor = "0.8"\n'
        '[provider.models."omni-moderation-latest"]\nkind = "moderation"\nrpm = 60_000\nrpd = 10_000\n'
        '[provider.models."gpt-4o-mini"]\nrpm = 1_000_000\ntpm = 2_000_000_000\n'
    )
    return Settings(
        database_url=database_url,  # type: ignore[arg-type] # pydantic makes it a secret
        redis_url=redis_url,  # type: ignore[arg-type] # pydantic makes it a secret
        admin_key="an-admin-key-for-tests",  # type: ignore[arg-type] # pydantic makes it a secret
        data_dir=tmp_path / "data",
        providers_file=tmp_path / "providers.toml",
        allow_private_networks=True,
    )


def order(*images: Any, **fields: Any) -> dict[str, Any]:
    items = [{"images": image} if isinstance(image, list) else {"image": image} for image in images]
    return {"model": MODEL, "items": items, **fields}


async def test_a_job_is_screened_for_nothing(
    client: httpx2.AsyncClient, settings: Settings, engine: AsyncEngine, provider: FakeProcess, host: FakeProcess
) -> None:
    urls = [f"{host.url}/{64 + number}x64/{name}.jpg" for number, name in enumerate(NAMES)]
    made = await client.post("/v1/jobs", json=order(*urls, max_cost="0.01"))
    assert made.status_code == 201, made.text
    job_id = made.json()["id"]
    async with working(settings):
        job = await finished(engine, ids.parse("job", job_id))
    assert (job.status, job.succeeded, job.spent, job.unknown_cost) == ("succeeded", len(NAMES), 0, 0)
    lines = (await client.get(f"/v1/jobs/{job_id}/results")).text.splitlines()
    answers = [orjson.loads(line)["answer"] for line in lines]
    assert [answer["flagged"] for answer in answers] == [False, True, False, True]
    flagged = [{name for name, found in answer["categories"].items() if found} for answer in answers]
    assert flagged == [set(), {"violence"}, set(), {"sexual"}]
    assert answers[1]["scores"]["violence"] == 0.97
    ledger = await rows(engine, "SELECT outcome, input_tokens, output_tokens, cost, cost_is_known, counted FROM ledger")
    assert {tuple(row) for row in ledger} == {("succeeded", 0, 0, Decimal(0), True, False)}
    stats = await asyncio.to_thread(provider.get, "/_/stats")
    assert (stats["calls"], stats["billed"]["input"], stats["billed"]["output"]) == (len(NAMES), 0, 0)


async def test_a_free_look_decides_who_is_asked(
    settings: Settings, engine: AsyncEngine, provider: FakeProcess, host: FakeProcess
) -> None:
    flagged = {"step": "look", "any": [{"field": "flagged", "eq": True}]}
    steps = (
        StepOrder(name="look", model=MODEL),
        StepOrder(name="judge", preset="moderation", model="fake/gpt-4o-mini", when=flagged),
    )
    items = [{"image": f"{host.url}/{64 + number}x64/{name}.jpg"} for number, name in enumerate(NAMES * 5)]
    wake_ups = WakeUps(settings.required_broker_url())
    context = IntakeContext(engine, configured(settings), wake_ups, Guard(True), Folder(settings.data_dir / "files"))
    receipt = await intake.submit(context, "default", Order(steps=steps, max_cost=Decimal("0.5")), items)
    await wake_ups.close()
    async with working(settings):
        job = await finished(engine, receipt.job_id)
    assert (job.status, job.succeeded, job.failed) == ("succeeded", 20, 0)
    calls = await rows(engine, "SELECT step, count(*), sum(cost) > 0 AS paid FROM ledger GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in calls] == [(1, 20, False), (2, 10, True)]
    assert job.spent > 0


async def test_an_estimate_reads_nothing_and_costs_nothing(client: httpx2.AsyncClient) -> None:
    asked = order(*["https://host.example/a.jpg"] * 10)
    found = (await client.post("/v1/estimates", json=asked)).json()
    (row,) = found["data"]
    assert (row["detail"], row["cost"]["estimated"], row["tokens"]["total"]) == ("auto", "0", 0)
    assert found["exact"] is True


async def test_models_tell_of_it(client: httpx2.AsyncClient) -> None:
    models = {model["id"]: model for model in (await client.get("/v1/models")).json()["data"]}
    shown = models[MODEL]
    assert (shown["api"], shown["presets"], shown["custom_prompts"]) == ("moderation", [], False)
    assert (shown["price"]["input"], shown["price"]["output"]) == ("0", "0")
    assert "developers.openai.com" in shown["price"]["source"]
    assert (shown["limits"]["requests_per_minute"], shown["limits"]["tokens_per_minute"]) == (60_000, None)
    assert "omni" not in (await client.get("/metrics")).text.split("tessera_lane_tokens_per_minute_limit{")[-1]


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a prompt": (order("https://h.example/a.jpg", prompt="Is it bad?"), "preset_not_supported", "prompt"),
    "a preset": (order("https://h.example/a.jpg", preset="moderation"), "preset_not_supported", "preset"),
    "a schema": (order("https://h.example/a.jpg", schema={"type": "object"}), "preset_or_prompt", "preset"),
    "a detail": (order("https://h.example/a.jpg", detail="high"), "unsupported_detail", "detail"),
    "no question for a model that is asked": (
        order("https://h.example/a.jpg") | {"model": "fake/gpt-4o-mini"}, "preset_or_prompt", "preset",
    ),
    "two images": (order(["https://h.example/a.jpg", "https://h.example/b.jpg"]), "invalid_manifest", "items"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_it_does_not_take_is_refused(client: httpx2.AsyncClient, name: str) -> None:
    asked, code, param = REFUSED[name]
    refused = await client.post("/v1/jobs", json=asked)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, code), error
    if code != "invalid_manifest":
        assert error["param"] == param
    else:
        (problem,) = refused.json()["errors"]
        assert (problem["code"], problem["line"]) == ("too_many_images", 1)


async def test_an_estimate_refuses_several_images_as_the_job_does(client: httpx2.AsyncClient) -> None:
    two = {"model": MODEL, "items": [{"images": ["https://h.example/a.jpg", "https://h.example/b.jpg"]}]}
    refused = await client.post("/v1/estimates", json=two)
    (problem,) = refused.json()["errors"]
    assert (refused.status_code, problem["code"], problem["line"]) == (400, "too_many_images", 1)


async def test_a_job_that_names_no_model_is_never_screened_by_chance(client: httpx2.AsyncClient) -> None:
    made = await client.post("/v1/jobs", json={"preset": "moderation", "items": [{"image": "https://h.example/a.jpg"}]})
    assert made.json()["model"] == "gpt-4o-mini"
    neither = await client.post("/v1/jobs", json={"items": [{"image": "https://h.example/a.jpg"}]})
    assert neither.json()["error"]["code"] == "preset_or_prompt"


async def test_the_fake_speaks_as_the_sdk_expects(provider: FakeProcess, host: FakeProcess) -> None:
    def image(name: str) -> Any:
        return {"type": "image_url", "image_url": {"url": f"{host.url}/64x64/{name}.jpg"}}

    async with openai.AsyncOpenAI(base_url=f"{provider.url}/v1", api_key="none", max_retries=0) as sdk:
        found = await sdk.moderations.create(model="omni-moderation-latest", input=[image("violence")])
        (result,) = found.results
        assert (result.flagged, result.categories.violence, result.category_scores.hate) == (True, True, 0.0)
        assert (result.category_applied_input_types.violence, result.category_applied_input_types.hate) == (
            ["image"],
            [],
        )
        with pytest.raises(openai.BadRequestError) as refused:
            await sdk.moderations.create(model="omni-moderation-latest", input=[image("a"), image("b")])
    assert refused.value.code == "too_many_images"
