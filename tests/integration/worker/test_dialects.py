"""Servers that refuse fields: what is learned of them, and that no item pays for it."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.factories import make_job
from tests.fakes import FakeProcess
from tests.integration.worker.test_work import (
    STATED,
    finished,
    host,
    provider,
    providers_file,
    settings,
    working,
)
from tests.queries import one
from vision.settings import Settings

__all__ = ["host", "provider", "settings"]

LANE = "fake/gpt-4o-mini"
COUNT = 60
CEILING = "max_completion_tokens"
MOST_REFUSED = 8


def statuses(provider: FakeProcess) -> Counter[int]:
    return Counter(entry["status"] for entry in provider.get("/_/log")["calls"])


@pytest.mark.parametrize(
    ("refuses", "style", "learned"),
    [
        ([CEILING], "fastapi", {"ceiling": "max_tokens"}),
        ([CEILING], "openai", {"ceiling": "max_tokens"}),
        ([CEILING], "google", {"ceiling": "max_tokens"}),
        ([CEILING], "relay", {"ceiling": "max_tokens"}),
        (["response_format.type=json_schema"], "openai", {"structure": "json_object"}),
        (["response_format"], "fastapi", {"structure": "prompt"}),
        (["response_format"], "google", {"structure": "prompt"}),
        (["response_format.json_schema.strict"], "fastapi", {"strict": "omitted"}),
        (["messages.content.image_url.detail"], "fastapi", {"detail": "omitted"}),
        (["messages.content.image_url.detail"], "google", {"detail": "omitted"}),
        (["messages.role=system"], "openai", {"instructions": "user"}),
        (
            [CEILING, "response_format", "messages.content.image_url.detail", "messages.role=system"],
            "fastapi",
            {"ceiling": "max_tokens", "structure": "prompt", "detail": "omitted", "instructions": "user"},
        ),
    ],
)
async def test_a_refused_field_is_learned_and_costs_nobody_anything(
    engine: AsyncEngine,
    settings: Settings,
    provider: FakeProcess,
    host: FakeProcess,
    refuses: list[str],
    style: str,
    learned: dict[str, str],
) -> None:
    job = await answered(engine, settings, provider, host, {"refuses": refuses, "style": style})
    assert (job.succeeded, job.failed) == (COUNT, 0)
    row = await one(engine, f"SELECT learned, confirmed FROM dialects WHERE lane = '{LANE}'")
    assert (row.learned, row.confirmed) == (learned, True)
    tried = await one(engine, "SELECT max(attempts) AS attempts, sum(cost) AS cost FROM results")
    assert tried.attempts == 1
    refused = sum(number for status, number in statuses(provider).items() if status >= 400)
    assert 1 <= refused <= MOST_REFUSED


async def test_what_was_learned_is_kept(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    dialect = {"refuses": [CEILING], "style": "fastapi"}
    await answered(engine, settings, provider, host, dialect)
    provider.post("/_/forget", {})
    job = await answered(engine, settings, provider, host, dialect)
    assert job.succeeded == COUNT
    assert statuses(provider) == {200: COUNT}


async def test_what_is_learned_beside_a_stated_dialect_is_kept_too(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    dialect = {"refuses": ["messages.content.image_url.detail"], "style": "fastapi"}
    for _ in range(2):
        provider.post("/_/forget", {})
        job = await answered(engine, settings, provider, host, dialect, **STATED)
        assert (job.succeeded, job.failed) == (COUNT, 0)
    assert statuses(provider) == {200: COUNT}, "the second worker has read it"
    assert (await one(engine, "SELECT learned FROM dialects")).learned == {"detail": "omitted"}


async def test_two_workers_learn_together(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    settings.providers_file = providers_file(settings.data_dir, provider.url, stated=False, images="url")
    provider.post("/_/dialect", {"refuses": [CEILING, "response_format"], "style": "fastapi"})
    images = [f"{host.url}/64x64/{number}.png" for number in range(COUNT)]
    job_id = await make_job(engine, images, tokens=8500)
    async with working(settings), working(settings):
        job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (COUNT, 0)
    assert statuses(provider)[422] <= MOST_REFUSED


async def test_a_dialect_may_change_between_two_jobs(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    await answered(engine, settings, provider, host, {"refuses": [CEILING], "style": "fastapi"})
    job = await answered(engine, settings, provider, host, {"refuses": ["max_tokens"], "style": "openai"})
    assert (job.succeeded, job.failed) == (COUNT, 0)
    row = await one(engine, "SELECT learned FROM dialects")
    assert row.learned == {"ceiling": CEILING}


async def test_what_is_stated_is_not_learned(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    dialect = {"refuses": [CEILING], "style": "fastapi"}
    job = await answered(engine, settings, provider, host, dialect, ceiling="max_completion_tokens", structure="prompt")
    assert job.failed == COUNT
    row = await one(engine, "SELECT error_code, error_message FROM results LIMIT 1")
    assert row.error_code == "upstream_rejected"


@pytest.mark.parametrize(
    ("refuses", "learned"),
    [([], {}), (["output_config"], {"structure": "tool"}), (["output_config", "tools"], {"structure": "prompt"})],
)
async def test_anthropics_messages(
    engine: AsyncEngine,
    settings: Settings,
    provider: FakeProcess,
    host: FakeProcess,
    refuses: list[str],
    learned: dict[str, str],
) -> None:
    job = await answered(engine, settings, provider, host, {"refuses": refuses}, api="messages")
    assert (job.succeeded, job.failed) == (COUNT, 0)
    assert (await one(engine, "SELECT learned FROM dialects")).learned == learned
    billed = provider.get("/_/stats")["billed"]
    assert (job.input_tokens, job.output_tokens) == (billed["input"], billed["output"])
    assert provider.get("/_/log")["calls"][-1]["status"] == 200


@pytest.mark.parametrize("text", ["max_completion_tokens is too large: 99999.", "Bad thing in picture."])
async def test_a_refusal_of_another_kind_teaches_nothing(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess, text: str
) -> None:
    body = {"error": {"message": text, "type": "invalid_request_error"}}
    provider.post("/_/faults", [{"fault": {"kind": "status", "status": 400, "body": body}}])
    job = await answered(engine, settings, provider, host, {})
    assert job.failed == COUNT
    row = await one(engine, "SELECT learned FROM dialects")
    assert row.learned == {}


async def answered(
    engine: AsyncEngine,
    settings: Settings,
    provider: FakeProcess,
    host: FakeProcess,
    dialect: dict[str, Any],
    **stated: str,
) -> Any:
    """A finished job of sixty items at a server of this dialect."""
    settings.providers_file = providers_file(settings.data_dir, provider.url, stated=False, images="url", **stated)
    provider.post("/_/dialect", dialect)
    images = [f"{host.url}/64x64/{number}.png" for number in range(COUNT)]
    async with working(settings):
        return await finished(engine, await make_job(engine, images, tokens=8500))
