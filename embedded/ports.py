"""Free ports."""

import socket

from vision.errors import ConfigurationError

LOOPBACK = "127.0.0.1"


def free(preferred: int = 0) -> int:
    """A free port on the loopback address: the preferred one if it can be had."""
    try:
        return claim(LOOPBACK, preferred)
    except ConfigurationError:
        return claim(LOOPBACK, 0)


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of the loopback address now."""
    return free(port) == port


def claim(host: str, port: int) -> int:
    """The port that a server can listen on at this address, 0 for any; ConfigurationError if it cannot."""
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind, protocol) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind(address)
            return int(candidate.getsockname()[1])
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Stop what uses it, or choose another one: "
            "`--port N`, or `--port 0` for any free one.",
            code="port_unavailable",
        ) from None
