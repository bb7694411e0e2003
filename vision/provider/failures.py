"""What follows from a provider's error; looks it up in the table failures.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from vision.provider.durations import retry_after
from vision.provider.redaction import without_secrets


class Then(StrEnum):
    """The consequence of a failed call."""

    PACE = "pace"
    DOWN = "down"
    LATER = "later"
    NEVER = "never"
    UNCLEAR = "unclear"
    PAUSE = "pause"


class Trouble(StrEnum):
    """How a call failed, if the lane may be the cause."""

    UNREACHED = "unreached"  # no connection was made
    GATEWAY = "gateway"  # a gateway says that there is no server
    FAILED = "failed"  # an error, no answer in time, half an answer, or one that is not of the protocol


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call.

    `unknown_cost`: its end is not known, so it may have been charged for. `unsent`: it never reached the provider.
    """

    then: Then
    code: str
    message: str
    retry_after: float | None = None
    status: int | None = None
    request_id: str | None = None
    unknown_cost: bool = False
    unsent: bool = False

    @property
    def trouble(self) -> Trouble | None:
        """What this may mean for the lane; None if the provider has dealt with the call."""
        if self.unsent:
            return Trouble.UNREACHED
        if self.then is Then.DOWN:
            return Trouble.GATEWAY
        return Trouble.FAILED if self.then is Then.LATER and self.code.startswith("upstream") else None


REDIRECTED = "The provider redirects calls elsewhere. Set its base_url to the address that they lead to."
"""Redirects are not followed: the key must not reach another address."""


def classify(status: int, body: Any, headers: Mapping[str, str]) -> Failure:
    """The consequence of an HTTP error, by the first row of the table that fits."""
    error = _error(body)
    stated = error.get("message") or (REDIRECTED if status // 100 == 3 else f"The provider answered {status}.")
    message = _beginning(str(stated))
    row = next((row for row in _rows() if _fits(row["match"], status, error, message)), None)
    return Failure(
        then=Then(row["then"]) if row else Then.LATER,
        code=row["code"] if row else "upstream_error",
        message=without_secrets(message),
        retry_after=retry_after(headers, message),
        status=status,
        request_id=headers.get("x-request-id"),
    )


def _error(body: Any) -> Mapping[str, Any]:
    """The error object of a body; some providers send a list of bodies, or only the message in its place."""
    body = body[0] if isinstance(body, list) and body else body
    if not isinstance(body, Mapping):
        return {}
    error = body.get("error", body)
    if isinstance(error, str) and "code" in body:
        return {"code": body["code"], "message": error}
    return error if isinstance(error, Mapping) else {}


def classify_failed(error: Mapping[str, Any], headers: Mapping[str, str], *, charged: bool) -> Failure:
    """As `classify`, for a response of status 200 that says it failed; its error code stands for a status."""
    failure = classify(_STATUS.get(str(error.get("code")), 400), {"error": error}, headers)
    return replace(failure, status=200, unknown_cost=charged)


_STATUS = {"server_error": 500, "vector_store_timeout": 500, "rate_limit_exceeded": 429}


LONGEST_READ = 4_000
"""Characters of a provider's message that are read."""


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("failures.toml").read_text(encoding="utf-8"))


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _table()["row"]
    return rows


def _fits(match: Mapping[str, Any], status: int, error: Mapping[str, Any], message: str) -> bool:
    statuses = match.get("status", status)
    return (
        (status in statuses if isinstance(statuses, list) else status == statuses)
        and match.get("class", status // 100) == status // 100
        and match.get("code", error.get("code")) == error.get("code")
        and match.get("type", error.get("type")) == error.get("type")
        and match.get("contains", "") in message
        and ("says" not in match or _says(match["says"], error, message))
    )


def _beginning(message: str) -> str:
    """The part of a message that is read: whole words, because half a secret would not be recognised."""
    return message if len(message) <= LONGEST_READ else message[:LONGEST_READ].rpartition(" ")[0] or message[:500]


def _says(what: str, error: Mapping[str, Any], message: str) -> bool:
    """Whether type, code or message have one of the table's phrases for this."""
    said = f"{error.get('type')} {error.get('code')} {message[:2_000]}".lower()
    return any(phrase in said for phrase in _table()["says"][what])
