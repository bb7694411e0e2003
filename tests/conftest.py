"""Real servers for all tests, out of wheels; a fresh database for each test that asks for one."""

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from embedded.data_dir.lock import DataLock
from embedded.servers import Servers
from migrations import upgrade
from vision.jobs.lifecycle import MOVES
from vision.settings import Settings

TEMPLATE = "tessera_template"
_KNOWN = ", ".join(f"('{source}', '{move.target}')" for move in MOVES for source in sorted(move.sources))
ONLY_MOVES = f"""
    CREATE FUNCTION only_moves() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'A job went from % to %, which vision.jobs.lifecycle does not know.', OLD.status, NEW.status;
    END $$;
    CREATE TRIGGER only_moves BEFORE UPDATE OF status ON jobs FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN ({_KNOWN})) EXECUTE FUNCTION only_moves();
"""
"""No test's job may make a move that is not in the table of moves."""

# Hypothesis takes an example of more than 200 ms for a failure, which on a busy machine it is not.
hypothesis.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.load_profile("patient")


def pytest_configure() -> None:
    """The developer's own settings play no part; nor does a shell that started this in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # or the services of tests would ignore Ctrl-C
    for name in [name for name in os.environ if name.startswith(("TESSERA_", "OPENAI_"))]:
        del os.environ[name]
    Settings.model_config["env_file"] = None


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core, as tests of the whole service mostly wait; each has servers of its own, so not too many."""
    return min(2 * (os.cpu_count() or 1), 8)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter (pytest's own may not be): as root, the servers run as nobody."""
    folder = Path(tempfile.mkdtemp(prefix="tessera-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers(open_folder: Path) -> Iterator[Servers]:
    """One PostgreSQL and one Valkey for each worker process; nothing is synced to the disk."""
    data_dir = open_folder / "servers-of-the-session"
    data_dir.mkdir(mode=0o711)
    with (
        (open_folder / "servers.log").open("w") as file,
        DataLock(data_dir) as lock,
        Servers(data_dir, lambda *line: print(*line, file=file), lock.descriptor, durable=False) as servers,
    ):
        yield servers


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    """The address of a migrated, empty database that others are copied from."""
    _administer(servers, f"CREATE DATABASE {TEMPLATE}")
    url = _address(servers, TEMPLATE)
    upgrade(url)
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(ONLY_MOVES)
    return url


@pytest.fixture
def database_url(servers: Servers, template: str) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    name = f"test_{secrets.token_hex(6)}"
    _administer(servers, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield _address(servers, name)
    _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """An empty Valkey."""
    assert servers.redis_url
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushdb()
    return servers.redis_url


def _administer(servers: Servers, statement: str) -> None:
    url = _address(servers, "postgres").replace("+psycopg", "", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _address(servers: Servers, database: str) -> str:
    assert servers.database_url
    return f"{servers.database_url.rpartition('/')[0]}/{database}"
