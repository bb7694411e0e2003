"""A real RabbitMQ, where Debian's package is installed, for tests: a node of its own, on free ports, in a folder."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kombu import Connection

from tests.ports import free_port

PROGRAM = shutil.which("rabbitmq-server", path=f"/usr/lib/rabbitmq/bin{os.pathsep}{os.environ.get('PATH', '')}")


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its address, once it answers."""
    assert PROGRAM
    port, node = free_port(), f"tessera-{os.getpid()}@localhost"
    environment = os.environ | {
        "HOME": str(folder),  # for the cookie by which its own programs know each other
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(free_port()),
    }
    (folder / "plugins").write_text("[].\n")
    with (folder / "out").open("w") as out:
        server = subprocess.Popen([PROGRAM], env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    try:
        _await(url, server, folder / "out")
        yield url
    finally:
        server.terminate()
        server.wait(60)
        # Erlang's name server, which it has started as a daemon.
        subprocess.run(["epmd", "-kill"], env=environment, stdout=subprocess.DEVNULL, check=True)


def _await(url: str, server: "subprocess.Popen[bytes]", out: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert server.poll() is None, out.read_text()
        try:
            with Connection(url, connect_timeout=5) as connection:
                connection.connect()
        except OSError:
            assert time.monotonic() < deadline, out.read_text()
            time.sleep(0.2)
        else:
            return
