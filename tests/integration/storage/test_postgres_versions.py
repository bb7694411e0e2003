"""The servers that are installed on this machine, 15 and later: migrations, and two jobs taken in and claimed."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from embedded.account import account_for
from migrations import upgrade
from tests.factories import make_job
from tests.ports import free_port
from tests.queries import one
from vision.jobs.lifecycle import Phase
from vision.storage.engine import connect
from vision.storage.queue import claims
from vision.storage.queue.leases import Lessee

FOLDERS = [Path(each) for each in os.environ.get("POSTGRES_BINARIES", "").split(os.pathsep) if each]
FOLDERS += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
"""Of Debian's packages, and what POSTGRES_BINARIES names besides."""

pytestmark = pytest.mark.long


@contextmanager
def running(binaries: Path, folder: Path) -> Iterator[str]:
    """An empty database of a server out of this folder."""
    folder.mkdir(mode=0o711)
    account, port = account_for(folder), free_port()
    account.own(folder)
    run_as = {"user": account.uid, "group": account.gid, "cwd": "/"}
    initdb = [binaries / "initdb", "-D", folder / "data", "-U", "tessera", "--auth=trust", "--no-sync"]
    subprocess.run([*initdb, "--encoding=UTF8", "--locale=C"], check=True, stdout=subprocess.DEVNULL, **run_as)  # type: ignore[call-overload]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "unix_socket_directories=", "-F"]
    server = subprocess.Popen([binaries / "postgres", "-D", folder / "data", *options], **run_as)  # type: ignore[call-overload]
    url = f"postgresql://tessera@127.0.0.1:{port}/postgres"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(url).close()
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield url.replace("postgresql:", "postgresql+psycopg:", 1)
    finally:
        server.terminate()
        server.wait(60)


@pytest.mark.skipif(not FOLDERS, reason="no PostgreSQL is installed here beside ours")
@pytest.mark.parametrize("binaries", FOLDERS, ids=str)
async def test_migrations_and_a_job(binaries: Path, open_folder: Path) -> None:
    with running(binaries, open_folder / f"postgres-{abs(hash(str(binaries))):x}") as url:
        upgrade(url)
        engine = connect(url)
        await make_job(engine, ["http://127.0.0.1:9/1.jpg"], tokens=8500)
        await make_job(engine, ["http://127.0.0.1:9/1.jpg"])
        for phase in Phase:
            held = await claims.claim(engine, "fake/gpt-4o-mini", 1, phase=phase, lessee=Lessee("test", 60))
            assert [item.number for item in held] == [1]
        assert (await one(engine, "SELECT count(*) AS leases FROM ranges WHERE lease_token IS NOT NULL")).leases == 2
        await engine.dispose()
