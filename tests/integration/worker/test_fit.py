"""Images shrunk before they are sent, sizes that were told wrong, and the estimate beside what came of it."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.views.job import view
from tests.fakes import FakeProcess
from tests.integration.worker.test_work import finished, host, provider, providers_file, settings, working
from tests.queries import rows
from vision import intake
from vision.files.folder import Folder
from vision.intake import IntakeContext, Order
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider.catalogue import configured
from vision.settings import Settings
from vision.storage.reports.jobs import get

__all__ = ["host", "provider", "settings"]  # fixtures


async def done(engine: AsyncEngine, settings: Settings, items: list[dict[str, Any]], **order: Any) -> dict[str, Any]:
    """The job as callers see it, once it is over."""
    wake_ups = WakeUps(str(settings.required_redis_url()))
    context = IntakeContext(engine, configured(settings), wake_ups, Guard(True), Folder(settings.data_dir / "files"))
    async with working(settings):
        receipt = await intake.submit(context, "default", Order(preset="moderation", **order), items)
        await finished(engine, receipt.job_id)
    await wake_ups.close()
    async with engine.connect() as connection:
        job = await get(connection, "default", receipt.job_id)
    return view(job, context.catalogue.lanes[job.lane]).model_dump()


def billed(provider: FakeProcess) -> dict[str, int]:
    found: dict[str, int] = provider.get("/_/stats")["billed"]
    return found


@pytest.mark.parametrize("told", [True, False], ids=["told", "measured"])
async def test_snap_saves_a_tile_and_the_provider_charges_no_more(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess, told: bool
) -> None:
    size = {"width": 1025, "height": 500} if told else {}
    items = [{"image": f"{host.url}/1025x500/{number}.jpg", **size} for number in range(5)]
    job = await done(engine, settings, items, detail="high", fit="snap")
    two_tiles, three_tiles = 2833 + 2 * 5667, 2833 + 3 * 5667
    assert job["request_counts"]["succeeded"] == 5
    assert job["tokens"]["image"] == billed(provider)["image"] == 5 * two_tiles
    assert job["tokens"]["saved"] == 5 * (three_tiles - two_tiles)
    assert Decimal(job["cost"]["saved"]) == 5 * 5667 * Decimal("0.15") / 1_000_000
    assert (job["fit"], job["max_side"]) == ("snap", None)
    assert {row.image_tokens for row in await rows(engine, "SELECT image_tokens FROM items")} == {two_tiles}
    # The item's size is that of the caller's image, not of what was sent.
    assert {(row.width, row.height) for row in await rows(engine, "SELECT width, height FROM items")} == {(1025, 500)}


async def test_max_shrinks_to_the_bound_also_where_the_provider_could_fetch(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess, tmp_path: Path
) -> None:
    settings.providers_file = providers_file(tmp_path, provider.url, images="url")
    items = [{"image": f"{host.url}/1600x1200/{number}.jpg"} for number in range(3)]
    job = await done(engine, settings, items, detail="high", fit="max", max_side=512)
    assert job["tokens"]["image"] == billed(provider)["image"] == 3 * 8500
    assert job["tokens"]["saved"] == 3 * (25501 - 8500)
    assert all("sha256" in image for call in provider.get("/_/log")["calls"] for image in call["images"])


async def test_a_size_declared_wrong_is_put_right_and_the_job_says_so(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    items = [
        {"image": f"{host.url}/512x512/right.jpg", "width": 512, "height": 512},
        {"image": f"{host.url}/512x512/too-large.jpg", "width": 1024, "height": 1024},
        {"image": f"{host.url}/1024x1024/too-small.jpg", "width": 512, "height": 512},
        {"image": f"{host.url}/512x500/as-dear.jpg", "width": 500, "height": 512},
        {"image": f"{host.url}/512x512/not-told.jpg"},
    ]
    job = await done(engine, settings, items, detail="high")
    assert job["sizes_corrected"] == 3
    found = await rows(engine, "SELECT width, height, image_tokens FROM items ORDER BY number")
    assert [tuple(row) for row in found] == [
        (512, 512, 8500),
        (512, 512, 8500),
        (1024, 1024, 25501),
        (512, 500, 8500),
        (512, 512, 8500),
    ]
    assert job["tokens"]["image"] == billed(provider)["image"] == 4 * 8500 + 25501


async def test_the_second_run_of_a_question_is_estimated_exactly(
    engine: AsyncEngine, settings: Settings, provider: FakeProcess, host: FakeProcess
) -> None:
    def items(run: int) -> list[dict[str, Any]]:
        return [{"image": f"{host.url}/{300 + 20 * number}x400/{run}-{number}.jpg"} for number in range(40)]

    first = (await done(engine, settings, items(1), detail="high"))["comparison"]
    second = (await done(engine, settings, items(2), detail="high"))["comparison"]
    for comparison in (first, second):
        assert comparison["image_tokens"]["estimated"] == comparison["image_tokens"]["actual"]
    assert second["input_tokens"]["estimated"] == second["input_tokens"]["actual"]
    cost = second["cost"]
    assert Decimal(cost["estimated"]) == pytest.approx(Decimal(cost["actual"]), rel=Decimal("0.02"))


async def test_nothing_is_compared_before_the_end(engine: AsyncEngine, settings: Settings) -> None:
    wake_ups = WakeUps(str(settings.required_redis_url()))
    context = IntakeContext(engine, configured(settings), wake_ups, Guard(True), Folder(settings.data_dir / "files"))
    receipt = await intake.submit(context, "default", Order(preset="moderation"), [{"image": "http://127.0.0.1/a.jpg"}])
    await wake_ups.close()
    async with engine.connect() as connection:
        row = await get(connection, "default", receipt.job_id)
    assert view(row, None).comparison is None
