"""Wake-ups, on a real broker."""

import asyncio
import time

import pytest
import redis
from kombu import Connection, Consumer

from vision.jobs.wake_ups import Task, WakeUps, application, broadcast_queue


def listen(url: str) -> tuple[Connection, list[str]]:
    """A listener as a worker is one; what it hears."""
    heard: list[str] = []

    def note(body: object, message: object) -> None:
        heard.append(message.headers["task"])  # type: ignore[attr-defined]
        message.ack()  # type: ignore[attr-defined]

    options = application(url).conf.broker_transport_options
    connection = Connection(url, transport_options=options)
    Consumer(connection.channel(), queues=[broadcast_queue()], callbacks=[note], accept=["json"]).consume()
    return connection, heard


def hear(connection: Connection, heard: list[str]) -> None:
    """Let what arrives come in, until it is something."""
    deadline = time.monotonic() + 60
    while not heard and time.monotonic() < deadline:
        drain(connection)
    drain(connection)


def drain(connection: Connection) -> None:
    try:
        connection.drain_events(timeout=0.3)
    except TimeoutError:
        return


def subscribe(client: redis.Redis, connection: Connection, count: int) -> None:
    """Subscribing is done once the listener first looks."""
    deadline = time.monotonic() + 60
    while sum(int(each["sub"]) + int(each["psub"]) for each in client.client_list(_type="pubsub")) < count:
        assert time.monotonic() < deadline
        drain(connection)


@pytest.mark.parametrize("flushed", [False, True])
async def test_every_listener_receives_every_wake_up_and_nothing_is_left_lying(redis_url: str, flushed: bool) -> None:
    wake_ups = WakeUps(redis_url)
    await wake_ups.notify(Task.DISPATCH, "nobody/listens")
    listeners = [listen(redis_url) for _ in range(3)]
    with redis.Redis.from_url(redis_url) as client:
        for count, (connection, _) in enumerate(listeners, 1):
            await asyncio.to_thread(subscribe, client, connection, count)
        if flushed:
            client.flushall()
        await wake_ups.notify(Task.DISPATCH, "fake/model")
        for connection, heard in listeners:
            await asyncio.to_thread(hear, connection, heard)
            assert heard == [Task.DISPATCH]
            connection.release()
        assert not [key for key in client.scan_iter() if client.type(key) == b"list"], "a wake-up waits in a queue"
    await wake_ups.close()


async def test_a_broker_that_is_away_costs_no_error(caplog: pytest.LogCaptureFixture) -> None:
    wake_ups = WakeUps("redis://127.0.0.1:1/0")
    await wake_ups.notify(Task.DISPATCH, "fake/model")
    async with asyncio.timeout(60):
        while "the next sweep makes up for them" not in caplog.text:
            await asyncio.sleep(0.01)
    await wake_ups.close()


async def test_a_broker_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.jobs.wake_ups.MOST_WAITING", 20)
    reached, silent = asyncio.Event(), asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        wake_ups = WakeUps(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        await wake_ups.notify(Task.DISPATCH, "fake/model")
        await asyncio.wait_for(reached.wait(), 60)
        started = time.monotonic()
        for number in range(100):
            await wake_ups.notify(Task.DISPATCH, f"fake/{number % 30}")
        await asyncio.to_thread(int)
        assert time.monotonic() - started < 3, "the client gives a broker five seconds"
        assert len(wake_ups._waiting) == 20
        await wake_ups.close()
        assert time.monotonic() - started < 4.5
        silent.set()
        await asyncio.sleep(0)
