"""Both embedded servers as a context: started in order, stopped in reverse order."""

from pathlib import Path
from types import TracebackType
from typing import Self

from embedded.account import account_for
from embedded.child import Child, Log
from embedded.data_dir.folders import FALLBACK, data_folder, unusable
from embedded.postgres import Postgres
from embedded.server import Server
from embedded.valkey import Valkey


class Servers:
    """PostgreSQL, Valkey or both, with their data in DATA_DIR/servers; the caller holds the data directory's lock."""

    def __init__(
        self,
        data_dir: Path,
        log: Log,
        lock: int,
        *,
        postgres: bool = True,
        valkey: bool = True,
        durable: bool = True,
        fallback: Path = FALLBACK,
    ) -> None:
        account = account_for(data_dir / "servers" / "postgres")
        self.folder = data_folder(data_dir, account, fallback) if postgres or valkey else data_dir
        self._postgres = Postgres(self.folder / "postgres", account, log, lock, durable=durable) if postgres else None
        self._valkey = Valkey(self.folder / "valkey", account, log, lock, durable=durable) if valkey else None
        self._running: list[Server] = []

    @property
    def database_url(self) -> str | None:
        """PostgreSQL's address, if it is one of these servers."""
        return self._postgres.url if self._postgres else None

    @property
    def redis_url(self) -> str | None:
        """Valkey's address, if it is one of these servers."""
        return self._valkey.url if self._valkey else None

    def __str__(self) -> str:
        """The running servers and their addresses."""
        if not self._running:
            return "PostgreSQL and Redis elsewhere"
        addresses = " and ".join(f"{server.name} at 127.0.0.1:{server.port}" for server in self._running)
        return f"{addresses} in {self.folder}"

    @property
    def children(self) -> list[Child]:
        """Their processes, for the supervisor."""
        return [server.child for server in self._running if server.child]

    def __enter__(self) -> Self:
        try:
            for server in (self._postgres, self._valkey):
                if server:
                    self._running.append(server)
                    server.start()
        except BaseException as error:
            self._stop()
            if isinstance(error, OSError):
                raise unusable(self.folder, error) from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        while self._running:
            self._running.pop().stop()
