"""A job on a lane with a small limit, through the whole service: never refused, whatever the provider charges."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Service, StartService
from tests.acceptance.test_nothing_lost import ask
from tests.fakes import FakeProcess, start

KEY = "sk-test"
RPM, TPM = 6_000, 1_500_000
ITEMS = 520
"""The full bucket holds about 400 calls; the others wait for the refill, seven a second."""


@pytest.fixture(params=["usage", pytest.param("max", marks=pytest.mark.long)])
def provider(request: pytest.FixtureRequest) -> Iterator[FakeProcess]:
    """A fake provider with the lane's limits, that charges what is used or the most that could be."""
    limits = ("--limit", f"gpt-4o-mini={RPM}/{TPM}", "--charge", request.param, "--latency", "0.2")
    with start("provider", "--key", KEY, *limits) as fake:
        yield fake


@pytest.fixture
def service(tessera: StartService, provider: FakeProcess, tmp_path: Path) -> Service:
    """Two workers whose calls go to the fake."""
    path = tmp_path / "providers.toml"
    path.write_text(
        f'[[provider]]\nname = "fake"\nbase_url = "{provider.url}/v1"\napi_key_env = "FAKE_KEY"\nimages = "url"\n'
        # Stated, so that the whole bucket is spent at once.
        'ceiling = "max_completion_tokens"\nstructure = "json_schema"\ninstructions = "system"\n'
        f'[provider.models."gpt-4o-mini"]\nrpm = {RPM}\ntpm = {TPM}\n'
    )
    return tessera(
        "--workers",
        "2",
        FAKE_KEY=KEY,
        TESSERA_PROVIDERS_FILE=str(path),
        TESSERA_ALLOW_PRIVATE_NETWORKS="true",
        TESSERA_LOCAL_PROVIDER="false",
    )


def run(service: Service, meanwhile: Callable[[int], None] = lambda succeeded: None) -> Any:
    """A job of ITEMS calls, followed to its end."""
    items = [{"image": f"http://127.0.0.1:9/64x64/{n}.jpg", "width": 64, "height": 64} for n in range(ITEMS)]
    body = "\n".join(map(json.dumps, items)).encode()
    job = ask(service.url, service.key, "/v1/jobs?preset=moderation&model=gpt-4o-mini", body)
    deadline = time.monotonic() + 180
    while job["status"] != "succeeded":
        assert time.monotonic() < deadline, service.log
        meanwhile(job["request_counts"]["succeeded"])
        time.sleep(0.2)
        job = ask(service.url, service.key, f"/v1/jobs/{job['id']}")
    return job


def lane(service: Service) -> Any:
    """The lane as GET /v1/lanes shows it."""
    (found,) = ask(service.url, service.key, "/v1/lanes")["data"]
    return found


def test_nothing_is_refused(service: Service, provider: FakeProcess) -> None:
    job = run(service)
    stats = provider.get("/_/stats")
    assert (stats["calls"], stats["rate_limited"]) == (ITEMS, 0)
    assert job["request_counts"]["succeeded"] == ITEMS
    assert lane(service)["now"]["throttled"] == 0


@pytest.mark.parametrize("provider", ["usage"], indirect=True)
def test_without_redis_calls_stop_and_go_on_by_themselves(service: Service, provider: FakeProcess) -> None:
    killed: list[int] = []

    def kill(succeeded: int) -> None:
        if len(killed) < 2 and succeeded > (150, 430)[len(killed)]:
            killed.append(valkey(service))
            os.kill(killed[-1], signal.SIGKILL)

    job = run(service, kill)
    assert len(killed) == 2
    stats = provider.get("/_/stats")
    assert (stats["calls"], stats["rate_limited"]) == (ITEMS, 0)
    assert job["request_counts"]["succeeded"] == ITEMS


def valkey(service: Service) -> int:
    """Its process id."""
    command = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(service.process.pid)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    (found,) = [int(line.split()[0]) for line in listing.stdout.splitlines() if "valkey" in line]
    return found
