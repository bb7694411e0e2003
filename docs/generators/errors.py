"""docs/reference/errors.md: every error code that callers may see, with its sentence from words.toml."""

import re
import tomllib
from collections.abc import Iterable
from inspect import getsource
from pathlib import Path
from typing import Any

from api.errors import FIELD_CODES, STATUS, STATUS_BY_CODE
from generators import codes
from generators.words import GENERATED, table, words
from vision import errors
from vision.errors import RequestError, TesseraError
from vision.jobs.lifecycle import StatusCode
from vision.jobs.reports.item_report import REST_ERRORS
from vision.kinds import Ending
from vision.provider import failures

SECTIONS = ("request", "line", "schema", "item", "start")
BY_SERVER = {"database_unavailable": 503, "outcome_unknown": 503, "overloaded": 503, "redis_unavailable": 503}
"""Statuses of errors that are not exceptions of `vision.errors`."""

IN_SQL = {"poison_item"}
"""Codes that are not in Python sources."""

INTRODUCTION = """# Error codes

Codes are stable; messages may change. A program looks at the code, a person at the message, which says what to do.

An error of the API is `application/problem+json`, with an `error` object as OpenAI's SDKs expect it:

```json
{"type": "urn:tessera:errors:invalid_manifest", "title": "Invalid manifest", "status": 400, "detail": "…",
 "instance": "/v1/jobs", "request_id": "…",
 "error": {"message": "…", "type": "invalid_request_error", "param": "items", "code": "invalid_manifest"},
 "errors": [{"line": 7, "param": "image", "code": "missing_image", "message": "…"}]}
```

`errors` names single lines, fields or places in a schema.
"""
HEADS = {
    "request": "Of a request\n\nNothing was stored.",
    "line": "Of a line of a manifest, or an entry of `items`\n\nIn `errors`, with the line's number.",
    "schema": "Of a schema\n\nIn `errors` of `invalid_schema`; `param` says where, such as `$.properties.tags`.",
    "item": "Of an item\n\nIn a result's `error.code`. The rest of the job goes on.",
    "start": "At the start\n\nPrinted by the command that cannot start.",
}
SAYS = {
    "credit": "that there is no money",
    "key": "that the key or the account is refused",
    "content": "that a safety check refused the content",
    "model": "that there is no such model",
    "of_a_key": "something of the key or the account",
    "of_a_model": "something of the model",
    "pace": "that calls come too fast",
    "length": "that the input is too long for the model",
    "bytes": "that the body is too large",
}
"""The meaning of the phrases under `[says]`."""

STATUS_CODES = """
## Status codes of a job

`status` decides what happens next, `status_code` says why. See [the life of a job](../job-lifecycle.md).

"""
FAILURES = """
## What a provider's error leads to

The first row that fits decides; `vision/provider/failures/failures.toml` is the table itself. A connection that
breaks, a call that takes too long and a 200 that is not of the protocol are tried again *later*; what they may have
cost counts against the job's `max_cost`.

- *pace*: our own pacing was at fault. The whole lane waits as long as stated; no attempt is counted.
- *down*: no server took the call. The item is tried again; its attempt is counted only if the lane serves all
  others meanwhile. After two in a row, five items in a row that fail *later* by the provider's fault, or a connection
  that could not be made, the lane is down: one call at a time tests whether the provider is back, and no item fails.
- *later*: the item is tried again, up to `TESSERA_MAX_ATTEMPTS` times.
- *never*: the item fails.
- *unclear*: it is not said whether the item is refused or our key. The item is tried again, up to
  `TESSERA_MAX_ATTEMPTS` times, and fails with `upstream_rejected`. If five items in a row are refused so and nothing
  succeeds between (with 401: if nothing has succeeded for ten seconds), the lane is paused with this code.
- *pause*: every job on the lane is paused with this code until someone has mended the cause and resumes it.

"""


def page(root: Path) -> str:
    """The whole page."""
    statuses = _statuses(codes.found(root))
    sections = (_section(name, statuses if name == "request" else None) for name in SECTIONS)
    return "".join([GENERATED, INTRODUCTION, *sections, STATUS_CODES, _status_codes(), FAILURES, _failures()])


def undescribed(root: Path) -> list[str]:
    """Codes without a sentence in words.toml, and sentences about codes that are gone."""
    found = {one.code: one.place for one in reversed(codes.found(root))} | _elsewhere()
    described = {code for section in SECTIONS for code in words(section)}
    return [
        *(
            f"docs/generators/words.toml has no sentence for the code {code} ({found[code]})."
            for code in sorted(found.keys() - described)
        ),
        *(f"docs/generators/words.toml describes {code}, which is gone." for code in sorted(described - found.keys())),
    ]


def _elsewhere() -> dict[str, str]:
    """Codes that are values of tables."""
    tables: dict[str, Iterable[str]] = {
        "vision/kinds/reply.py": set(Ending) - {Ending.ANSWERED},
        "vision/provider/failures/failures.toml": (row["code"] for row in _rows() if row["then"] in {"later", "never"}),
        "vision/storage/queue/recovery.py": IN_SQL,
        "vision/jobs/reports/item_report.py": (code for code, _ in REST_ERRORS.values()),
        "api/errors.py": FIELD_CODES.values(),
    }
    return {str(code): place for place, several in tables.items() for code in several}


def _section(name: str, statuses: dict[str, set[int]] | None) -> str:
    described = sorted(words(name).items())
    head = f"\n## {HEADS[name]}\n\n"
    if statuses is None:
        return head + table(("Code", "Meaning"), [(f"`{code}`", text) for code, text in described])
    rows = [(f"`{code}`", " ".join(map(str, sorted(statuses.get(code, {400})))), text) for code, text in described]
    return head + table(("Code", "Status", "Meaning"), rows)


def _statuses(found: Iterable[codes.Found]) -> dict[str, set[int]]:
    """The HTTP statuses of each code."""
    statuses: dict[str, set[int]] = {code: {status} for code, status in (STATUS_BY_CODE | BY_SERVER).items()}
    for one in found:
        carrier: Any = getattr(errors, one.carrier, None)
        if one.code in STATUS_BY_CODE or not isinstance(carrier, type):
            continue
        if issubclass(carrier, RequestError) or carrier is TesseraError:
            status = next(STATUS[kind] for kind in carrier.__mro__ if kind in STATUS)
            statuses.setdefault(one.code, set()).add(status)
    return statuses


def _status_codes() -> str:
    """Members of StatusCode, each with the comment behind it."""
    comments = dict(re.findall(r'= "(\w+)"(?:  # (.+))?', getsource(StatusCode)))
    return table(
        ("Code", "Meaning"),
        [(f"`{code}`", _sentence(comments.get(code) or code.replace("_", " "))) for code in StatusCode],
    )


def _sentence(text: str) -> str:
    first = text.partition(" ")[0]
    return f"{text}." if "." in first else f"{text[0].upper()}{text[1:]}."


def _failures() -> str:
    rows = [(_match(row["match"]), row["then"], f"`{row['code']}`") for row in _rows()]
    return table(("The provider answers", "Then", "Code"), rows)


def _match(match: dict[str, Any]) -> str:
    status = _status(match)
    rest = [f"{name} `{match[name]}`" for name in ("type", "code") if name in match]
    rest += [f"“{match['contains']}”"] if "contains" in match else []
    rest += [f"says {SAYS[match['says']]}"] if "says" in match else []
    return ", ".join([status, *rest])


def _status(match: dict[str, Any]) -> str:
    if "status" not in match:
        return f"{'any' if 'says' in match else 'any other'} {match['class']}xx"
    return ", ".join(map(str, match["status"])) if isinstance(match["status"], list) else str(match["status"])


def _rows() -> list[dict[str, Any]]:
    text = Path(failures.__file__).with_name("failures.toml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["row"]
    return rows
