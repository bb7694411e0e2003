"""Ports for programs that do not tell which one they took."""

import contextlib
import random
import socket


def free_port() -> int:
    """A port that nobody has; below those that outgoing connections get, so that none takes it before its program."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
