"""Files are listed and deleted, by hand and by age; never one that an open job needs."""

import asyncio
from pathlib import Path

import httpx2
import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from migrations import config, upgrade
from tests.integration.api.test_control import act
from tests.integration.api.test_jobs import URL, lines, order
from vision.files.folder import Folder
from vision.jobs import ids
from vision.settings import Settings
from vision.storage import files
from worker.prune import prune

DAYS = 30


async def upload(client: httpx2.AsyncClient, purpose: str = "vision") -> str:
    """The id of a new file."""
    sent = await client.post("/v1/files", files={"file": b"x"}, data={"purpose": purpose})
    return str(sent.json()["id"])


async def age(engine: AsyncEngine, days: float) -> None:
    """Let everything have happened so long ago."""
    async with engine.begin() as connection:
        for table, column in (("files", "created_at"), ("jobs", "finished_at"), ("idempotency_keys", "created_at")):
            await connection.execute(
                text(f"UPDATE {table} SET {column} = {column} - :days * interval '1 day'"), {"days": days}
            )


def bytes_of(settings: Settings) -> set[str]:
    """Ids of the files whose bytes are there."""
    return {f"file_{path.name}" for path in (settings.data_dir / "files").iterdir()}


async def test_files_are_listed_newest_first_page_by_page(client: httpx2.AsyncClient) -> None:
    made = [await upload(client, "batch" if number == 2 else "vision") for number in range(4)]
    first = (await client.get("/v1/files", params={"limit": 3})).json()
    second = (await client.get("/v1/files", params={"limit": 3, "after": first["last_id"]})).json()
    assert [file["id"] for page in (first, second) for file in page["data"]] == made[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert first["data"][0] == (await client.get(f"/v1/files/{made[3]}")).json()
    by_purpose = (await client.get("/v1/files", params={"purpose": "batch"})).json()["data"]
    assert [file["id"] for file in by_purpose] == [made[2]]
    assert (await client.get("/v1/files", params={"after": "job_1"})).json()["error"]["code"] == "invalid_cursor"


async def test_a_deleted_file_is_gone(client: httpx2.AsyncClient, settings: Settings) -> None:
    file, other = await upload(client), await upload(client)
    assert (await client.delete(f"/v1/files/{file}")).json() == {"id": file, "object": "file", "deleted": True}
    assert (await client.delete(f"/v1/files/{file}")).status_code == 404
    assert (await client.get(f"/v1/files/{file}/content")).status_code == 404
    assert bytes_of(settings) == {other}
    sent = await client.post("/v1/jobs", json=order({"image": file}))
    assert sent.json()["errors"][0]["code"] == "unknown_file"


async def test_an_open_job_keeps_its_files(client: httpx2.AsyncClient) -> None:
    file = await upload(client)
    inline = (await client.post("/v1/jobs", json=order({"images": [URL, file]}))).headers["location"]
    kept = await client.delete(f"/v1/files/{file}")
    assert (kept.status_code, kept.json()["error"]["code"], kept.headers["x-should-retry"]) == (
        409,
        "file_in_use",
        "false",
    )
    await act(client, inline, "cancel")
    assert (await client.delete(f"/v1/files/{file}")).status_code == 200


async def test_a_manifest_is_needed_only_until_it_is_read(client: httpx2.AsyncClient) -> None:
    manifest = (await client.post("/v1/files", files={"file": lines(3)})).json()["id"]
    assert (await client.post("/v1/jobs", json={"preset": "ocr", "input_file_id": manifest})).status_code == 201
    assert (await client.delete(f"/v1/files/{manifest}")).status_code == 200


WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")


async def test_a_deletion_waits_for_a_job_that_is_taken_in(client: httpx2.AsyncClient, engine: AsyncEngine) -> None:
    file = await upload(client)
    job = ids.new()
    async with engine.connect() as connection:
        await files.use(connection, "default", job, [ids.parse("file", file)])
        deletion = asyncio.create_task(client.delete(f"/v1/files/{file}"))
        async with engine.connect() as watcher:
            while not (await watcher.execute(WAITING)).scalar_one():
                await watcher.rollback()
        assert not deletion.done()
        await connection.rollback()
    assert (await deletion).status_code == 200


async def test_old_files_are_pruned_unless_a_job_needs_or_needed_them(
    client: httpx2.AsyncClient, engine: AsyncEngine, settings: Settings
) -> None:
    unused, of_open, of_ended = [await upload(client) for _ in range(3)]
    await client.post("/v1/jobs", json=order({"image": of_open}))
    ended = (await client.post("/v1/jobs", json=order({"image": of_ended}))).headers["location"]
    store = Folder(settings.data_dir / "files")
    await age(engine, DAYS + 1)
    await act(client, ended, "cancel")
    young = await upload(client)
    await prune(engine, store, 0)
    assert bytes_of(settings) == {unused, of_open, of_ended, young}
    await prune(engine, store, DAYS)
    assert bytes_of(settings) == {of_open, of_ended, young}
    await age(engine, DAYS + 1)
    await prune(engine, store, DAYS)
    await prune(engine, store, DAYS)
    assert bytes_of(settings) == {of_open}
    assert [file["id"] for file in (await client.get("/v1/files")).json()["data"]] == [of_open]


async def test_idempotency_keys_are_kept_for_a_week(
    client: httpx2.AsyncClient, engine: AsyncEngine, tmp_path: Path
) -> None:
    async def send() -> str:
        return str((await client.post("/v1/jobs", json=order(), headers={"idempotency-key": "k"})).json()["id"])

    first = await send()
    await age(engine, 6.9)
    await prune(engine, Folder(tmp_path), DAYS)
    assert await send() == first
    await age(engine, 0.2)
    await prune(engine, Folder(tmp_path), DAYS)
    assert await send() != first


@pytest.mark.parametrize("is_open", [True, False])
async def test_jobs_from_before_keep_their_files_too(
    client: httpx2.AsyncClient, engine: AsyncEngine, database_url: str, is_open: bool
) -> None:
    file = await upload(client)
    job = (await client.post("/v1/jobs", json=order({"images": [URL, file]}))).headers["location"]
    if not is_open:
        await act(client, job, "cancel")
    await asyncio.to_thread(command.downgrade, config(database_url), "0007_file_uses-1")
    await asyncio.to_thread(upgrade, database_url)
    assert (await client.delete(f"/v1/files/{file}")).status_code == (409 if is_open else 200)
