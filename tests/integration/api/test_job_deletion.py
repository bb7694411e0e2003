"""Deleting jobs: gone at once for callers, then from database and store, in slices, by any number of workers."""

import asyncio
import base64
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.api.hands import LANE, fail, succeed, take
from tests.integration.api.test_control import act, make
from tests.integration.api.test_jobs import order
from tests.queries import rows, run
from vision.files.folder import Folder
from vision.settings import Settings
from vision.storage import deletion
from vision.storage.tables import Table
from worker.prune import prune_jobs

OF_NO_JOB = {"api_keys", "tenants", "files", "lane_outages", "delivery_attempts"}


async def left(engine: AsyncEngine) -> dict[str, int]:
    """Rows of every table that may have some of jobs."""
    counts = {}
    for table in sorted(set(Table.metadata.tables) - OF_NO_JOB):
        ((count,),) = await rows(engine, f"SELECT count(*) FROM {table}")
        counts[table] = count
    return {table: count for table, count in counts.items() if count}


async def worked_on(client: httpx2.AsyncClient, engine: AsyncEngine, count: int = 3, **fields: Any) -> str:
    """The path of a job with an answer, a failure and an event."""
    path = await make(client, count, webhook_url="https://example.com/hook", **fields)
    first, second, *others = await take(engine, count)
    await succeed(engine, first, *others)
    await fail(engine, second)
    return path


async def test_a_deleted_job_is_gone_for_callers_at_once_and_then_for_good(
    client: httpx2.AsyncClient, engine: AsyncEngine, tmp_path: Path
) -> None:
    path = await worked_on(client, engine)
    job_id = path.rpartition("/")[2]
    assert (await client.delete(path)).json() == {"id": job_id, "object": "job", "deleted": True}
    for gone in (path, f"{path}/items", f"{path}/results"):
        assert (await client.get(gone)).status_code == 404
    for verb in ("cancel", "pause", "resume", "retry"):
        assert (await client.post(f"{path}/{verb}")).status_code == 404
    assert (await client.delete(path)).status_code == 404
    assert (await client.get("/v1/jobs")).json()["data"] == []
    await prune_jobs(engine, Folder(tmp_path), 0)
    assert await left(engine) == {}
    await prune_jobs(engine, Folder(tmp_path), 0)


async def test_a_job_that_is_not_over_is_not_deleted(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    path = await make(client, 2)
    for verb in (None, "pause"):
        if verb:
            await act(client, path, verb)
        refused = await client.delete(path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_not_finished")
    await act(client, path, "cancel")
    assert (await client.delete(path)).status_code == 200


async def test_old_jobs_go_by_themselves_where_that_is_set(
    client: httpx2.AsyncClient, engine: AsyncEngine, tmp_path: Path
) -> None:
    old = await worked_on(client, engine)
    await run(engine, "UPDATE jobs SET finished_at = finished_at - interval '31 days'")
    young, running = await worked_on(client, engine), await make(client, 1)
    await prune_jobs(engine, Folder(tmp_path), 0)
    assert (await client.get(old)).status_code == 200, "0 keeps them for ever"
    await prune_jobs(engine, Folder(tmp_path), 30)
    assert (await client.get(old)).status_code == 404
    assert {(await client.get(path)).status_code for path in (young, running)} == {200}
    assert len(await rows(engine, "SELECT FROM jobs")) == 2


async def test_rows_go_in_slices_whoever_helps_and_whenever_it_is_broken_off(
    client: httpx2.AsyncClient, engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "SLICE", 3)
    path, other = await worked_on(client, engine, 40), await worked_on(client, engine, 5)
    before = await left(engine)
    await client.delete(path)
    broken = asyncio.create_task(prune_jobs(engine, Folder(tmp_path), 0))
    await asyncio.sleep(0.03)
    broken.cancel()
    await asyncio.wait([broken])
    await asyncio.gather(*(prune_jobs(engine, Folder(tmp_path), 0) for _ in range(3)))
    await prune_jobs(engine, Folder(tmp_path), 0)
    after = await left(engine)
    assert (before["items"], after["items"], after["results"], after["jobs"]) == (45, 5, 5, 1)
    assert (await client.get(f"{other}/results")).text.count("\n") == 5


async def test_images_inside_a_deleted_job_go_with_it_and_others_stay(
    client: httpx2.AsyncClient, engine: AsyncEngine, settings: Settings
) -> None:
    store = Folder(settings.data_dir / "files")
    for seed in (1, 2):
        data = base64.b64encode(Random(seed).randbytes(5_000)).decode()
        created = await client.post("/v1/jobs", json=order({"image": f"data:image/png;base64,{data}"}))
        await act(client, created.headers["location"], "cancel")
    first, second = (entry.key for entry in await store.page("", 10))
    deleted = next(row.id for row in await rows(engine, "SELECT id FROM jobs") if row.id.hex in first)
    await client.delete(f"/v1/jobs/job_{deleted.hex}")
    await prune_jobs(engine, store, 0)
    assert [entry.key for entry in await store.page("", 10)] == [second]


async def test_what_comes_late_for_a_deleted_job_stops_nobody(
    client: httpx2.AsyncClient, engine: AsyncEngine, tmp_path: Path
) -> None:
    path = await make(client, 1)
    (late,) = await take(engine, 1)
    await run(engine, "DELETE FROM ranges")
    await act(client, path, "cancel")
    await client.delete(path)
    await prune_jobs(engine, Folder(tmp_path), 0)
    other = await make(client, 1)
    (item,) = await take(engine, 1, LANE)
    await succeed(engine, late, item)
    assert (await client.get(other)).json()["status"] == "succeeded"


async def test_the_same_key_makes_a_new_job_after_the_old_one_was_deleted(client: httpx2.AsyncClient) -> None:
    async def send() -> str:
        sent = await client.post("/v1/jobs", json=order(), headers={"idempotency-key": "k"})
        assert sent.status_code == 201
        return sent.headers["location"]

    first = await send()
    await act(client, first, "cancel")
    await client.delete(first)
    assert await send() != first


def test_every_table_with_a_job_is_known() -> None:
    """A table that is added and has rows of jobs must go with them."""
    tables = Table.metadata.tables
    having = {name for name, table in tables.items() if "job_id" in table.c} - {"idempotency_keys"}
    assert having == set(deletion.OF_JOB)
