"""A job of two thousand images through the whole service, while things are killed."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from embedded.stack import API_COMMAND, worker_command
from tests.acceptance.conftest import Service, StartService
from tests.fakes import FakeProcess, start
from tests.ports import free_port
from tests.processes import tied

KEY = "sk-test"
ITEMS = 2_000
SLOW, QUICK = 0.5, 0.05
"""Seconds of a call: before all is killed that is to be killed (the job lasts at least ten more), and after."""
IN_FLIGHT = 64
"""Calls in flight per worker process: what a killed one may have paid for in vain."""


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProcess]:
    """A fake provider with limits out of the way."""
    with start("provider", "--key", KEY, "--limit", "gpt-4o-mini=1000000/2000000000") as fake:
        yield fake


@pytest.fixture
def environment(tmp_path: Path, provider: FakeProcess) -> dict[str, str]:
    """Settings of a service that uses the fake, images by URL."""
    provider.post("/_/reset")
    provider.post("/_/latency", {"latency": SLOW})
    path = tmp_path / "providers.toml"
    path.write_text(
        f'[[provider]]\nname = "openai"\nbase_url = "{provider.url}/v1"\napi_key_env = "OPENAI_API_KEY"\n'
        'images = "url"\n'
        '[provider.models."gpt-4o-mini"]\nrpm = 1_000_000\ntpm = 2_000_000_000\n'
    )
    return {
        "OPENAI_API_KEY": KEY,
        "TESSERA_PROVIDERS_FILE": str(path),
        "TESSERA_ALLOW_PRIVATE_NETWORKS": "true",
        "TESSERA_LEASE_SECONDS": "15",
        "TESSERA_MAX_IN_FLIGHT": str(IN_FLIGHT),
        "TESSERA_LOCAL_PROVIDER": "false",
    }


def ask(url: str, key: str, path: str, body: bytes | None = None) -> Any:
    """A call to the API → its JSON."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    with urllib.request.urlopen(urllib.request.Request(url + path, body, headers), timeout=240) as reply:
        return json.load(reply)


def submit(url: str, key: str) -> str:
    """Hand in ITEMS images by URL, with their sizes; the job's id."""
    lines = [
        json.dumps({"custom_id": f"n{n}", "image": f"http://127.0.0.1:9/64x64/{n}.jpg", "width": 64, "height": 64})
        for n in range(ITEMS)
    ]
    job = ask(url, key, "/v1/jobs?preset=moderation&model=gpt-4o-mini", "\n".join(lines).encode())
    assert job["request_counts"]["total"] == ITEMS
    return str(job["id"])


def follow(url: str, key: str, job: str, meanwhile: Callable[[Any], None] = lambda job: None) -> Any:
    """Poll until the job is over; its counts sum at every look."""
    deadline = time.monotonic() + 400
    while True:
        found = ask(url, key, f"/v1/jobs/{job}")
        counts = dict(found["request_counts"])
        assert counts.pop("total") == sum(counts.values()) == ITEMS
        if found["status"] == "succeeded":
            return found
        assert time.monotonic() < deadline, found
        meanwhile(found)
        time.sleep(0.2)


def results(url: str, key: str, job: str) -> list[Any]:
    """All result lines."""
    request = urllib.request.Request(f"{url}/v1/jobs/{job}/results", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=240) as reply:
        return [json.loads(line) for line in reply]


def check_nothing_lost(url: str, key: str, job: Any, provider: FakeProcess, killed: int) -> None:
    """Every item once, and the money as the provider billed it."""
    lines = results(url, key, job["id"])
    assert sorted(line["custom_id"] for line in lines) == sorted(f"n{n}" for n in range(ITEMS))
    assert {line["status"] for line in lines} == {"succeeded"}
    stats = provider.get("/_/stats")
    assert ITEMS <= stats["calls"] <= ITEMS + killed * IN_FLIGHT
    assert job["tokens"]["input"] <= stats["billed"]["input"]
    if not killed:
        assert job["tokens"]["input"] == stats["billed"]["input"]
        assert job["cost"]["unknown"] == "0"


def workers(service: Service) -> list[int]:
    """Process ids of the service's workers."""
    command = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(service.process.pid)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(line.split()[0]) for line in listing.stdout.splitlines() if "worker.app" in line]


def test_killed_workers_lose_no_item(tessera: StartService, environment: dict[str, str], provider: FakeProcess) -> None:
    service = tessera("--workers", "2", **environment)
    job = submit(service.url, service.key)
    killed: list[int] = []

    def kill(found: Any) -> None:
        victims = [worker for worker in workers(service) if worker not in killed]
        if len(killed) < 2 and victims and found["request_counts"]["succeeded"] > (len(killed) + 1) * ITEMS // 10:
            os.kill(victims[0], signal.SIGKILL)
            killed.append(victims[0])
            provider.post("/_/latency", {"latency": SLOW if len(killed) < 2 else QUICK})

    done = follow(service.url, service.key, job, kill)
    assert len(killed) == 2
    check_nothing_lost(service.url, service.key, done, provider, len(killed))


def test_two_workers_of_one_s_own_on_servers_of_one_s_own(
    environment: dict[str, str], provider: FakeProcess, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    key, port = "tsk_admin-key-of-this-test-only", free_port()
    settings = (
        os.environ
        | environment
        | {
            "TESSERA_DATABASE_URL": database_url,
            "TESSERA_REDIS_URL": redis_url,
            "TESSERA_DATA_DIR": str(tmp_path),
            "TESSERA_ADMIN_KEY": key,
            "TESSERA_PORT": str(port),
        }
    )
    commands = [API_COMMAND, worker_command(1), worker_command(2)]
    with (tmp_path / "log").open("wb") as log:
        processes = [subprocess.Popen(tied(*command), env=settings, stdout=log, stderr=log) for command in commands]
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url)
            job = submit(url, key)
            flushed: list[bool] = []

            def flush(found: Any) -> None:
                if not flushed and found["request_counts"]["succeeded"] > ITEMS // 10:
                    with redis.Redis.from_url(redis_url) as client:
                        client.flushall()
                    flushed.append(True)
                    provider.post("/_/latency", {"latency": QUICK})

            done = follow(url, key, job, flush)
            assert flushed
            check_nothing_lost(url, key, done, provider, 0)
        finally:
            for process in processes:
                process.terminate()
            codes = [process.wait(180) for process in processes]
    assert codes[1:] == [0, 0], (tmp_path / "log").read_text()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=30):
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
