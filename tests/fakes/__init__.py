"""Runnable stand-ins for the outside world: each is a real HTTP server in its own process on loopback.

with start("provider", "--limit", "gpt-4o-mini=500/200000") as provider:
    OpenAI(base_url=f"{provider.url}/v1", api_key="sk-test")
    provider.get("/_/log")
"""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]


class FakeProcess:
    """A fake that runs; `url` has no trailing slash. Stops on exit, or when this process dies."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> Any:
        """The JSON behind an admin route."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as reply:
            return json.load(reply)

    def post(self, path: str, body: Any = None) -> Any:
        """POST JSON to an admin route → the JSON answer."""
        request = urllib.request.Request(f"{self.url}{path}", data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def stop(self) -> None:
        """Idempotent."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> "FakeProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(module: str, *args: str, port: int = 0) -> FakeProcess:
    """Start `tests.fakes.<module>` and wait until it listens; RuntimeError when it does not."""
    command = [sys.executable, "-m", f"tests.fakes.{module}", "--port", str(port), "--parent", str(os.getpid())]
    process = subprocess.Popen([*command, *args], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        FakeProcess(process, 0).stop()
        raise RuntimeError(f"tests.fakes.{module} did not start; its own message is above.")
    return FakeProcess(process, json.loads(line)["port"])
