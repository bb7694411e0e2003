"""Errors of commands: a sentence, details, and what to do. Exit codes: 1 refused or failed, 2 wrong usage (click's
own), 3 the service cannot be reached."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click
import httpx2
import orjson

SHOWN = 20
Locate = Callable[[int], str]
"""The number of a line in the request → where the user wrote it."""
LINE = "line {}".format
AWAY = frozenset({502, 503, 504})
"""Statuses of a service that is starting, or of a proxy whose service does not answer."""


class Problem(click.ClickException):
    """The service said no, or a file could not be used."""

    exit_code = 1

    def __init__(self, message: str, *, code: str | None = None, details: Iterable[str] = (), hint: str = "") -> None:
        self.code = code
        lines = [f"{message} [{code}]" if code else message, *shortened(list(details)), hint]
        super().__init__("\n".join(line for line in lines if line))


class Unreachable(Problem):
    """Nothing answers at the service's address."""

    exit_code = 3


def unreachable(url: str, error: httpx2.TransportError) -> Unreachable:
    """Nothing listens, or the connection broke; says how to start the service when it would be here."""
    local = httpx2.URL(url).host in {"127.0.0.1", "localhost", "::1"}
    hint = "Start it with `tessera up`." if local else "Check TESSERA_URL and the network."
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return Unreachable(f"No Tessera service answers at {url}.", hint=hint)
    return Unreachable(f"The connection to {url} broke: {error or type(error).__name__}.", hint=hint)


def refused(response: httpx2.Response, place: Locate = LINE) -> Problem:
    """An error response (RFC 9457 with an `error` member), its body read, as a readable problem."""
    body = _body(response)
    error = body["error"] if isinstance(body.get("error"), dict) else {}
    message = error.get("message") or body.get("detail") or body.get("title")
    problems = body.get("errors")
    kind = Unreachable if response.status_code in AWAY else Problem
    return kind(
        str(message or f"The service answered {response.status_code} {response.reason_phrase}."),
        code=error.get("code"),
        details=[describe(each, place) for each in problems if isinstance(each, dict)]
        if isinstance(problems, list)
        else (),
        hint=_hint(response.status_code),
    )


def describe(detail: Mapping[str, Any], place: Locate) -> str:
    """One detail of an error: `line 12: No image. [missing_image]`."""
    line, param = detail.get("line"), detail.get("param") or detail.get("pointer")
    where = f"{place(line)}: " if line else f"{param}: " if param else ""
    code = f" [{detail['code']}]" if detail.get("code") else ""
    message = str(detail.get("message", "")).removeprefix(f"Line {line}: ").removeprefix(f"{param}: ")
    return f"{where}{message}{code}"


def _body(response: httpx2.Response) -> dict[str, Any]:
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _hint(status: int) -> str:
    if status == 401:
        return "Set TESSERA_API_KEY, or run the command where the service keeps its data (TESSERA_DATA_DIR)."
    return ""


def shortened(details: Sequence[str]) -> list[str]:
    """The first of many lines, indented, and how many more there are."""
    rows = [f"  {detail}" for detail in details[:SHOWN]]
    return [*rows, f"  … and {len(details) - SHOWN} more"] if len(details) > SHOWN else rows
