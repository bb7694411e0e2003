"""Looks an error up in the table failures.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from vision.provider.failures.failure import Failure, Then
from vision.provider.failures.said import Said, beginning, read
from vision.provider.failures.waits import retry_after
from vision.provider.redaction import without_secrets

REDIRECTED = "The provider redirects calls elsewhere. Set its base_url to the address that they lead to."
"""Redirects are not followed: the key must not reach another address."""
_VAGUE = frozenset((200, 400, 500, 502, 503))
"""Statuses behind which relays hide another one, which the body then states."""


def classify(status: int, body: object, headers: Mapping[str, str]) -> Failure:
    """The consequence of an HTTP error, by the first row of the table that fits. `body`: bytes, JSON, or Said."""
    return _failure(status, body if isinstance(body, Said) else read(body), headers)


def classify_failed(body: object, headers: Mapping[str, str], *, charged: bool) -> Failure:
    """As `classify`, for a response of status 200 that says it failed; its error code stands for a status."""
    said = body if isinstance(body, Said) else read(body)
    return replace(_failure(said.status or _named(said), said, headers), status=200, unknown_cost=charged)


def _failure(http: int, said: Said, headers: Mapping[str, str]) -> Failure:
    status = said.status if said.status and http in _VAGUE else http
    stated = said.message or (REDIRECTED if http // 100 == 3 else f"The provider answered {http}.")
    message = beginning(stated)
    row = next((row for row in _rows() if _fits(row["match"], status, said, message)), {})
    return Failure(
        then=Then(row.get("then", Then.LATER)),
        code=row.get("code", "upstream_error"),
        message=_explained(without_secrets(message), row, said),
        retry_after=retry_after(headers, message, said.objects),
        status=http,
        request_id=headers.get("x-request-id"),
    )


def _explained(message: str, row: Mapping[str, Any], said: Said) -> str:
    """With the filter's categories, and with what the table has to add."""
    if row.get("code") == "content_filtered" and said.filtered:
        message = f"{message} Categories: {', '.join(said.filtered[:8])}."
    return f"{message} {row['hint']}" if "hint" in row else message


def _named(said: Said) -> int:
    """The status that a code's name stands for. Without any reason, the failure is the provider's own."""
    names = [code.lower() for code in said.codes]
    known: dict[str, int] = _table()["status_of"]
    if found := next((known[name] for name in names if name in known), None):
        return found
    explained = any(_says(what, said, said.message) for what in ("credit", "key", "content", "model", "pace"))
    coded = any(isinstance(each.get("code"), str) and each["code"] for each in said.objects)
    return 400 if explained or coded else 500


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("failures.toml").read_text(encoding="utf-8"))


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _table()["row"]
    return rows


def _fits(match: Mapping[str, Any], status: int, said: Said, message: str) -> bool:
    statuses = match.get("status", status)
    return (
        (status in statuses if isinstance(statuses, list) else status == statuses)
        and match.get("class", status // 100) == status // 100
        and ("code" not in match or match["code"] in said.codes)
        and match.get("contains", "") in message
        and ("says" not in match or _says(match["says"], said, message))
    )


def _says(what: str, said: Said, message: str) -> bool:
    """Whether codes or message have one of the table's phrases for this."""
    text = f"{' '.join(said.codes)} {message[:2_000]}".lower()
    return any(phrase in text for phrase in _table()["says"][what])
