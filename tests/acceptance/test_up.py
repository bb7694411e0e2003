"""`tessera up`: comes up with nothing configured, heals itself, stops in order, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import psycopg

from embedded.data_dir import running

from .conftest import Service, StartService

NAMES = {"postgres": "postgres", "valkey-server": "valkey", "api": "api", "celery": "worker", "local": "local"}
PLAIN = {"TESSERA_LOCAL_PROVIDER": "false"}
"""Without the offline provider, whose models take seconds to load."""


def children(service: Service) -> dict[str, int]:
    """The pids of the service's processes by what they are."""
    listing = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text()
    programs = {program(int(pid)): int(pid) for pid in listing.split()}
    return {NAMES[name]: pid for name, pid in programs.items() if name in NAMES}


def program(pid: int) -> str:
    """The program's name, or the Python module's."""
    words = command_line(pid).replace("\0", " ").split()
    return words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name if words else ""


def eventually(condition: Callable[[], bool], seconds: float = 300) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return met


def tessera_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_up_comes_up_heals_stops_and_comes_up_again(tessera: StartService) -> None:
    service = tessera("--workers", "1")
    first = children(service)
    assert {"postgres", "valkey", "api", "worker"} <= set(first)
    assert status(service, "/v1/jobs") == 401
    assert status(service, "/v1/jobs", service.key) == 200
    secrets = service.key, *passwords(service)
    assert not [secret for secret in secrets for pid in first.values() if secret in command_line(pid)]
    assert not [secret for secret in secrets if secret in service.log]

    killed = "worker", "postgres", "valkey"
    for name in killed:
        os.kill(first[name], signal.SIGKILL)

    def healed() -> bool:
        now = children(service)
        return set(first) <= set(now) and all(now[name] != first[name] for name in killed) and service.answers()

    assert eventually(healed), service.log
    assert "postgres ended by signal 9; starting it again" in service.log
    assert status(service, "/v1/jobs", service.key) == 200

    remaining = children(service)
    assert service.stop(signal.SIGINT) == 0
    assert not [name for name, pid in remaining.items() if Path(f"/proc/{pid}").exists()]
    assert not (service.data_dir / running.FILE).exists()
    assert "Traceback" not in service.log
    assert service.log.rstrip().endswith("Stopped.")

    again = tessera("--workers", "0", data_dir=service.data_dir, **PLAIN)
    assert again.key == service.key
    assert again.stop() == 0


def test_nothing_outlives_a_supervisor_that_is_killed(tessera: StartService) -> None:
    service = tessera("--workers", "1")
    left = children(service)
    assert running.read(service.data_dir)
    service.stop(signal.SIGKILL)
    assert eventually(lambda: not [pid for pid in left.values() if alive(pid)], 60)
    assert running.read(service.data_dir) is None
    assert tessera("--workers", "0", data_dir=service.data_dir, **PLAIN).stop() == 0


def test_a_second_one_on_the_same_data_is_refused(tessera: StartService) -> None:
    service = tessera("--workers", "0", **PLAIN)
    refused = tessera_command("up", "--port", "0", TESSERA_DATA_DIR=str(service.data_dir))
    assert refused.returncode == 1
    assert "data_dir_in_use" in refused.stderr
    assert str(service.process.pid) in refused.stderr
    assert service.answers()


def test_your_own_servers_are_used(tessera: StartService, database_url: str, redis_url: str) -> None:
    service = tessera("--workers", "1", TESSERA_DATABASE_URL=database_url, TESSERA_REDIS_URL=redis_url, **PLAIN)
    assert not {"postgres", "valkey"} & set(children(service))
    assert not (service.data_dir / "servers").exists()
    assert status(service, "/v1/jobs", service.key) == 200
    posted = json.loads((service.data_dir / running.FILE).read_text())
    assert (posted["database_url"], posted["redis_url"]) == (None, None)
    assert service.stop() == 0


def test_a_port_that_is_taken_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = tessera_command("up", "--port", port, TESSERA_DATA_DIR=str(tmp_path / "data"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: Cannot listen on 127.0.0.1 port {port}")
    assert not (tmp_path / "data").exists()


def test_interrupted_while_starting(start: StartService) -> None:
    service = start("--workers", "0", **PLAIN)
    assert eventually(lambda: bool(children(service)))
    assert service.stop(signal.SIGINT) == 0
    assert "Traceback" not in service.log


def test_a_setting_that_is_wrong_is_named() -> None:
    refused = tessera_command("up", TESSERA_PORT="http")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: TESSERA_PORT: ")
    assert "Traceback" not in refused.stderr


def test_broken_providers_are_refused_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "providers.toml"
    path.write_text('[[provider]]\nname = "x"\nbase_url = "https://example.com/v1"\nrpm = 3\n')
    settings = {"TESSERA_PROVIDERS_FILE": str(path), "TESSERA_DATA_DIR": str(tmp_path / "data")}
    ended = tessera_command("up", "--port", "0", **settings)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert f"{path}: provider 1" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_migrate_says_what_is_missing_and_may_run_twice(database_url: str) -> None:
    assert "TESSERA_DATABASE_URL is not set" in tessera_command("migrate").stderr
    for _ in range(2):
        done = tessera_command("migrate", TESSERA_DATABASE_URL=database_url, TESSERA_ADMIN_KEY="chosen")
        assert (done.returncode, done.stderr) == (0, "")


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_the_future'")
        refused = tessera_command("migrate", TESSERA_DATABASE_URL=database_url, TESSERA_ADMIN_KEY="chosen")
        assert refused.returncode == 1
        assert "newer version of Tessera has migrated this database (9999_the_future)" in refused.stderr
        assert "[database_newer]" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999_the_future",)]


def test_help_and_version_import_no_command() -> None:
    script = "import sys, cli.main\ntry: cli.main.main()\nfinally: print('cli.commands.up' in sys.modules)"
    for option in ("--help", "--version"):
        shown = subprocess.run([sys.executable, "-c", script, option], capture_output=True, text=True, check=True)
        assert shown.stdout.endswith("False\n")


def alive(pid: int) -> bool:
    """Running, not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def passwords(service: Service) -> list[str]:
    return [(service.data_dir / "servers" / name / "password").read_text().strip() for name in ("postgres", "valkey")]


def status(service: Service, path: str, key: str = "") -> int:
    connection = HTTPConnection("127.0.0.1", service.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        return connection.getresponse().status
    finally:
        connection.close()
