"""Ports for programs that do not tell which one they took."""

import contextlib
import os
import random
import socket

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
"""Worker processes of one run look in different places: a port is free until its program has started."""
FIRST = 20_000 + 1_000 * (WORKER % 12)


def free_port() -> int:
    """A port that nobody has; below those that outgoing connections get, so that none takes it before its program."""
    while True:
        port = random.randrange(FIRST, FIRST + 1_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
