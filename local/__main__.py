"""`python -m local --port 8100`: serve the offline provider on a loopback address, without a key."""

import argparse
import ctypes
import sys
from ipaddress import ip_address

import uvicorn

from local import INSTALL, missing
from local.app import create_app
from vision.settings import Settings

_M_MMAP_THRESHOLD = -3  # malloc.h of glibc


def main() -> int:
    """Serve until SIGINT or SIGTERM; 2 if it cannot."""
    options = _options()
    if lacking := missing():
        sys.stderr.write(f"The offline provider lacks packages: {', '.join(lacking)}. {INSTALL}\n")
        return 2
    _give_memory_back()
    app = create_app(max_requests=options.places, allow_private=Settings().allow_private_networks)
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        log_level=options.log_level,
        access_log=False,
        timeout_keep_alive=120,  # longer than clients keep idle connections, so that the server never closes one first
    )
    return 0


def _give_memory_back() -> None:
    """Unmap blocks over 1 MB when they are freed; glibc would keep them (a quarter of the memory, measured)."""
    if (set_option := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        set_option(_M_MMAP_THRESHOLD, 1_000_000)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--host", type=_loopback, default="127.0.0.1", help="a loopback address: no key is asked for")
    parser.add_argument("--port", type=int, default=8100, help="0 takes a free one and prints it")
    parser.add_argument("--places", type=int, default=128, help="requests that may be in progress or wait")
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    return parser.parse_args()


def _loopback(host: str) -> str:
    if host != "localhost" and not (_is_address(host) and ip_address(host).is_loopback):
        raise argparse.ArgumentTypeError(f"{host} is not a loopback address; the offline provider asks for no key.")
    return host


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
