"""What an error claims when the database goes away: nothing was changed, only where that is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.api.test_control import make
from tests.integration.api.test_jobs import order


@contextmanager
def at(engine: AsyncEngine, moment: str, action: Any) -> Iterator[None]:
    """Do something at each such moment of the engine."""
    event.listen(engine.sync_engine, moment, action)
    try:
        yield
    finally:
        event.remove(engine.sync_engine, moment, action)


@pytest.fixture
def cut(database_url: str) -> Any:
    """Ends a connection on the server's side."""

    def cut(connection: Connection, *_: Any) -> None:
        pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
        with psycopg.connect(database_url.replace("+psycopg", "", 1), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    return cut


async def count(engine: AsyncEngine) -> int:
    """Jobs there are."""
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM jobs"))).scalar_one())


async def test_a_connection_cut_before_the_commit_changed_nothing(
    app: FastAPI, client: httpx2.AsyncClient, engine: AsyncEngine, cut: Any
) -> None:
    def before(connection: Connection, _: Any, statement: str, *__: Any) -> None:
        if statement.startswith("INSERT INTO jobs"):
            cut(connection)

    with at(app.state.services.engine, "before_cursor_execute", before):
        answer = await client.post("/v1/jobs", json=order())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_unavailable")
    assert "Nothing was changed" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "2"
    assert await count(engine) == 0


async def test_a_connection_cut_at_the_commit_claims_nothing(
    app: FastAPI, client: httpx2.AsyncClient, engine: AsyncEngine, cut: Any
) -> None:
    path = await make(client, 1)
    with at(app.state.services.engine, "commit", cut):
        plain = await client.post("/v1/jobs", json=order())
        keyed = await client.post("/v1/jobs", json=order(), headers={"idempotency-key": "k"})
        paused = await client.post(f"{path}/pause")
    for answer in (plain, keyed, paused):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "outcome_unknown")
        assert "Nothing was changed" not in answer.text
    assert plain.headers["x-should-retry"] == paused.headers["x-should-retry"] == "false"
    assert "x-should-retry" not in keyed.headers
    assert "same Idempotency-Key" in keyed.json()["detail"]
    again = await client.post("/v1/jobs", json=order(), headers={"idempotency-key": "k"})
    assert again.status_code == 201
    assert await count(engine) == 2


async def test_nothing_is_asked_after_a_commit(app: FastAPI, client: httpx2.AsyncClient) -> None:
    """An error there would hide what has been done."""
    said: list[str] = []
    engine = app.state.services.engine

    async def statements(method: str, path: str, **body: Any) -> httpx2.Response:
        said.clear()
        answer = await client.request(method, path, **body)
        assert answer.is_success, answer.text
        assert said[-1] == "commit", (path, said)
        return answer

    with (
        at(engine, "commit", lambda _: said.append("commit")),
        at(engine, "before_cursor_execute", lambda _, __, statement, *___: said.append(statement)),
    ):
        path = (await statements("POST", "/v1/jobs", json=order())).headers["location"]
        await statements("POST", "/v1/jobs", json=order(), headers={"idempotency-key": "k"})
        await statements("POST", "/v1/jobs", json=order(), headers={"idempotency-key": "k"})
        for verb in ("pause", "resume", "cancel"):
            await statements("POST", f"{path}/{verb}")
        await statements("POST", "/v1/files", files={"file": b"x"})
        key = (await statements("POST", "/v1/keys", json={"name": "ci"})).json()["id"]
        await statements("DELETE", f"/v1/keys/{key}")
        await statements("GET", "/v1/webhooks/default/secret")


async def test_a_read_that_fails_changed_nothing(app: FastAPI, client: httpx2.AsyncClient, cut: Any) -> None:
    path = await make(client, 1)

    def before(connection: Connection, *_: Any) -> None:
        cut(connection)

    with at(app.state.services.engine, "before_cursor_execute", before):
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_unavailable")
    assert "Nothing was changed" in answer.json()["detail"]
