"""The provider goes away in the middle of a job of two workers, and comes back."""

import json
import time
from pathlib import Path

from tests.acceptance.conftest import StartService
from tests.acceptance.test_nothing_lost import ask
from tests.fakes import start
from tests.ports import free_port

ITEMS = 400
AWAY_SECONDS = 6.0


def test_a_provider_that_is_killed_and_restarted_fails_nothing(tessera: StartService, tmp_path: Path) -> None:
    port = free_port()
    options = ("provider", "--key", "none", "--latency", "0.1")
    file = tmp_path / "providers.toml"
    file.write_text(
        f'[[provider]]\nname = "fake"\nbase_url = "http://127.0.0.1:{port}/v1"\nimages = "url"\n'
        '[provider.models."gpt-4o-mini"]\nrpm = 1_800\ntpm = 2_000_000_000\n'
    )
    settings = {"TESSERA_PROVIDERS_FILE": str(file), "TESSERA_LOCAL_PROVIDER": "false"}
    with start(*options, port=port):
        service = tessera("--workers", "2", TESSERA_ALLOW_PRIVATE_NETWORKS="true", **settings)
        lines = [
            json.dumps({"custom_id": f"n{n}", "image": f"http://127.0.0.1:9/64x64/{n}.jpg", "width": 64, "height": 64})
            for n in range(ITEMS)
        ]
        path = "/v1/jobs?preset=moderation&model=gpt-4o-mini"
        job = ask(service.url, service.key, path, "\n".join(lines).encode())
        path, deadline = f"/v1/jobs/{job['id']}", time.monotonic() + 300
        while ask(service.url, service.key, path)["request_counts"]["succeeded"] < ITEMS // 5:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    away_at = time.monotonic()
    while (found := ask(service.url, service.key, path))["status_code"] != "upstream_down":
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    assert found["status"] == "running"
    assert found["waiting_since"] is not None
    assert found["eta_seconds"] is None
    (lane,) = ask(service.url, service.key, "/v1/lanes")["data"]
    assert lane["breaker"]["code"] == "upstream_unreachable"
    time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - away_at)))
    with start(*options, port=port):
        while (found := ask(service.url, service.key, path))["status"] != "succeeded":
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
    assert (found["request_counts"]["succeeded"], found["request_counts"]["failed"]) == (ITEMS, 0)
    assert (found["status_code"], found["waiting_since"]) == ("done", None)
    said = [line for line in service.log.splitlines() if "fake/gpt-4o-mini" in line]
    assert [sum(words in line for line in said) for words in ("is down", "answers again")] == [1, 1], service.log
