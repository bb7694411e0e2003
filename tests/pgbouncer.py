"""A real PgBouncer in transaction mode, where Debian's package is installed, before a server of the tests."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from embedded.account import account_for
from tests.ports import free_port

PROGRAM = shutil.which("pgbouncer", path=f"/usr/sbin{os.pathsep}{os.environ.get('PATH', '')}")

CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


@contextmanager
def running(database_url: str, folder: Path) -> Iterator[str]:
    """The address of the database through it. Three connections to the server for all callers."""
    assert PROGRAM
    folder.mkdir(mode=0o711)
    server, port = make_url(database_url), free_port()
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(server=server.port, port=port, user=server.username, password=server.password))
    account = account_for(folder)
    with (folder / "log").open("w") as log:
        it = subprocess.Popen([PROGRAM, str(file)], stdout=log, stderr=log, user=account.uid, group=account.gid)
    url = server.set(port=port).render_as_string(hide_password=False)
    try:
        _await(url, it, folder / "log")
        yield url
    finally:
        it.terminate()
        it.wait(60)


def _await(url: str, it: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert it.poll() is None, log.read_text()
        try:
            psycopg.connect(url.replace("+psycopg", "", 1)).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return
