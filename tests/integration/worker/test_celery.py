"""The worker as Celery's own tools see it: a real process, started as anybody would type it."""

import ast
import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from sqlalchemy.ext.asyncio import AsyncEngine

from tests import rabbitmq
from tests.factories import make_job
from tests.fakes import FakeProcess, start
from tests.integration.worker.test_wake_ups import hear, listen
from tests.integration.worker.test_work import providers_file
from tests.processes import tied
from tests.queries import one
from vision.jobs.wake_ups import Task, WakeUps, application

LANE = "fake/gpt-4o-mini"
IMAGES = ["http://127.0.0.1:9/64x64/1.jpg"]


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProcess]:
    """A fake provider that fetches images itself and takes its time."""
    with start("provider", "--key", "none", "--latency", "1.0") as fake:
        yield fake


@pytest.fixture(scope="module")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A RabbitMQ for the tests of this module."""
    if rabbitmq.PROGRAM is None:
        pytest.skip("no rabbitmq-server here; Debian has it as a package")
    with rabbitmq.running(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


@pytest.fixture(params=["valkey", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest, redis_url: str) -> str:
    """Each kind of broker."""
    return redis_url if request.param == "valkey" else str(request.getfixturevalue("rabbitmq_url"))


@pytest.fixture
def environment(tmp_path: Path, database_url: str, redis_url: str, provider: FakeProcess) -> dict[str, str]:
    """What a worker finds in its environment."""
    return os.environ | {
        "TESSERA_DATABASE_URL": database_url,
        "TESSERA_REDIS_URL": redis_url,
        "TESSERA_DATA_DIR": str(tmp_path),
        "TESSERA_PROVIDERS_FILE": str(providers_file(tmp_path, provider.url, images="url")),
    }


@contextmanager
def worker(environment: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """`celery -A worker.app worker`; killed at the end if it still runs."""
    command = tied("-m", "celery", "-A", "worker.app", "worker", *options)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as it:
        try:
            yield it
        finally:
            it.kill()


def await_(what: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true value."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def lanes_at_work(app: Celery) -> list[Any]:
    """What `celery inspect active` shows of dispatching."""
    active = app.control.inspect(timeout=0.5).active() or {}
    return [task["args"] for tasks in active.values() for task in tasks if task["name"] == Task.DISPATCH]


@contextmanager
def events(app: Celery) -> Iterator[list[tuple[str, Any]]]:
    """Tasks that succeeded, with their results, as Flower hears of them."""
    ended: list[tuple[str, Any]] = []
    names: dict[str, str] = {}
    stop = Event()

    def receive(ready: Event) -> None:
        handlers = {
            "task-received": lambda event: names.update({event["uuid"]: event["name"]}),
            "task-succeeded": lambda event: ended.append((names[event["uuid"]], ast.literal_eval(event["result"]))),
        }
        with app.connection_for_read() as first:
            receiver = app.events.Receiver(first, handlers=handlers)
            with receiver.consumer_context() as (connection, _, _):
                ready.set()
                while not stop.is_set():
                    with suppress(TimeoutError):
                        connection.drain_events(timeout=0.3)

    ready = Event()
    thread = Thread(target=receive, args=(ready,))
    thread.start()
    ready.wait()
    try:
        yield ended
    finally:
        stop.set()
        thread.join()


async def finished(engine: AsyncEngine, job_id: UUID) -> Any:
    """The job's row once it is terminal."""
    async with asyncio.timeout(60):
        while not (job := await one(engine, "SELECT * FROM jobs WHERE id = :id", id=job_id)).finished_at:
            await asyncio.sleep(0.05)
    return job


async def test_a_lane_at_work_is_an_active_task_and_its_end_tells_what_it_did(
    engine: AsyncEngine, environment: dict[str, str], broker_url: str
) -> None:
    """Nobody sends a wake-up here but the sweep that finds the job."""
    app = application(broker_url)
    environment["TESSERA_BROKER_URL"] = broker_url
    with worker(environment, "-n", "seen@%h") as process:
        await_(app.control.inspect(timeout=0.5).ping)
        app.control.enable_events()
        with events(app) as ended:
            await make_job(engine, IMAGES * 3, tokens=8500)
            assert await_(lambda: lanes_at_work(app)) == [[LANE]]
            wake_ups = WakeUps(broker_url)
            await wake_ups.notify(Task.DISPATCH, LANE)
            await wake_ups.close()
            await_(lambda: len(ended) > 1)
        results = [result for name, result in ended if name == Task.DISPATCH]
        assert results[0] == {"lane": LANE, "joined": True}
        done = results[-1]
        assert (done["lane"], done["calls"], done["succeeded"], done["failed"]) == (LANE, 3, 3, 0)
        assert done["input_tokens"] > done["output_tokens"] > 0
        assert not lanes_at_work(app)
        app.control.shutdown()
        assert process.wait(60) == 0


async def test_a_warm_shutdown_finishes_calls_in_flight(
    engine: AsyncEngine, environment: dict[str, str], provider: FakeProcess
) -> None:
    with worker(environment) as process:
        job_id = await make_job(engine, IMAGES * 4, tokens=8500)
        await asyncio.to_thread(await_, lambda: provider.get("/_/stats")["in_flight"] >= 4)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    job = await finished(engine, job_id)
    assert (job.succeeded, job.failed) == (4, 0)


async def test_a_cold_shutdown_waits_for_nothing(
    engine: AsyncEngine, environment: dict[str, str], provider: FakeProcess, redis_url: str
) -> None:
    app = application(redis_url)
    provider.post("/_/faults", [{"fault": {"kind": "hang"}, "times": 1}])
    with worker(environment) as process:
        await make_job(engine, IMAGES, tokens=8500)
        await asyncio.to_thread(await_, lambda: provider.get("/_/stats")["in_flight"] >= 1)
        await asyncio.to_thread(await_, lambda: lanes_at_work(app))
        process.send_signal(signal.SIGQUIT)
        process.wait(60)
    left = await one(engine, "SELECT count(*) AS leases FROM ranges WHERE lease_token IS NOT NULL")
    assert left.leases == 1, "what was in flight is left to its lease"


async def test_a_broker_that_is_away_stops_no_work(
    engine: AsyncEngine, environment: dict[str, str], provider: FakeProcess
) -> None:
    environment["TESSERA_BROKER_URL"] = "redis://127.0.0.1:1/0"
    with worker(environment) as process:
        job = await finished(engine, await make_job(engine, IMAGES, tokens=8500))
        assert job.succeeded == 1
        job_id = await make_job(engine, IMAGES * 2, tokens=8500)
        await asyncio.to_thread(await_, lambda: provider.get("/_/stats")["in_flight"] >= 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert (await finished(engine, job_id)).succeeded == 2, "a warm shutdown waits for calls in flight"


@pytest.mark.parametrize("options", [(), ("-P", "prefork")])
def test_celerys_default_pool_is_replaced(environment: dict[str, str], options: tuple[str, ...]) -> None:
    """Prefork is what Celery takes when nothing is said: wake-ups would arrive in processes that have no loop."""
    with worker(environment, *options) as process:
        assert process.stdout
        assert next(line for line in process.stdout if "concurrency:" in line).endswith(" (threads)\n")


@pytest.mark.parametrize("pool", ["solo", "threads", "processes"])
def test_another_pool_is_refused_with_the_line_to_type(environment: dict[str, str], pool: str) -> None:
    with worker(environment, "-P", pool) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.endswith("Leave -P (--pool) out: celery -A worker.app worker\n")


async def test_a_dedicated_worker_leaves_other_lanes_and_phases_alone(
    engine: AsyncEngine, environment: dict[str, str], redis_url: str
) -> None:
    """Neither wake-ups nor the sweep bring it to them."""
    lanes = Path(environment["TESSERA_PROVIDERS_FILE"])
    lanes.write_text(lanes.read_text() + '[provider.models."gpt-4o"]\nrpm = 1_000_000\ntpm = 2_000_000_000\n')
    environment |= {"TESSERA_WORKER_LANES": "fake/*-mini", "TESSERA_WORKER_PHASES": "dispatch"}
    unmeasured, other = await make_job(engine, IMAGES), await make_job(engine, IMAGES, tokens=850, lane="fake/gpt-4o")
    wake_ups, app = WakeUps(redis_url), application(redis_url)
    with worker(environment):
        await asyncio.to_thread(await_, app.control.inspect(timeout=0.5).ping)
        for task, lane in ((Task.MEASURE, LANE), (Task.DISPATCH, "fake/gpt-4o")):
            await wake_ups.notify(task, lane)
        await finished(engine, await make_job(engine, IMAGES, tokens=8500))
        for job_id in (unmeasured, other):
            waiting = await one(engine, "SELECT lease_token, start FROM ranges WHERE job_id = :id", id=job_id)
            assert (waiting.lease_token, waiting.start) == (None, 1)
    await wake_ups.close()


async def test_rabbitmq_brings_a_wake_up_to_every_worker_and_keeps_none(rabbitmq_url: str) -> None:
    wake_ups = WakeUps(rabbitmq_url)
    await wake_ups.notify(Task.DISPATCH, "nobody/listens")
    listeners = [listen(rabbitmq_url) for _ in range(2)]
    await wake_ups.notify(Task.DISPATCH, LANE)
    for connection, heard in listeners:
        await asyncio.to_thread(hear, connection, heard)
        assert heard == [Task.DISPATCH]
        connection.release()
    await wake_ups.close()


def test_a_role_that_cannot_be_meant_is_told_at_once(environment: dict[str, str]) -> None:
    with worker(environment | {"TESSERA_WORKER_LANES": "openai/*"}) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"The worker cannot start: TESSERA_WORKER_LANES: no lane is like 'openai/*'. Offered: {LANE}." in said
