"""Whether the API answers, and when it first did."""

import http.client
import time
from collections.abc import Callable

PATIENCE_SECONDS = 30.0


def check(host: str, port: int) -> str:
    """Empty when GET /readyz answers 200, otherwise what it answered instead."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read(500).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return "" if response.status == 200 else f"{response.status} {body}"


def wait(host: str, port: int, say: Callable[[str], None]) -> None:
    """Return once the API is ready; until then `say` the problem every PATIENCE_SECONDS."""
    reminder = time.monotonic() + PATIENCE_SECONDS
    while problem := check(host, port):
        if time.monotonic() > reminder:
            say(f"Not ready yet; GET /readyz: {problem}")
            reminder += PATIENCE_SECONDS
        time.sleep(0.1)


def address(host: str, port: int) -> str:
    """The API's address as a client types it."""
    name = _reachable(host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
