"""docs/reference/api.md and openapi.json: the routes of the API, from the application itself."""

import inspect
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from fastapi.routing import APIRoute

from api import dependencies
from api.app import ROUTERS, create_app
from generators.words import GENERATED, table
from vision.settings import Settings

SCOPES = {
    "jobs:read": dependencies.JobsReader,
    "jobs:write": dependencies.JobsWriter,
    "files:read": dependencies.FilesReader,
    "files:write": dependencies.FilesWriter,
    "webhooks:read": dependencies.WebhooksReader,
    "admin": dependencies.Admin,
}

INTRODUCTION = """# HTTP API

Send `Authorization: Bearer KEY` with every request, except to `/healthz` and `/readyz`. A key has scopes; `admin`
covers all of them. Bodies and answers are JSON; times are unix seconds; money is a decimal string in US dollars.

- Errors have the members of RFC 9457 and an OpenAI-style `error` object in one body: see [errors](errors.md).
- Lists have `data`, `has_more`, `first_id` and `last_id`; the next page starts with `after=<last_id>`.
- `POST /v1/jobs` with an `Idempotency-Key` makes one job however often it is sent within 7 days.
- Every answer has an `X-Request-ID`. An `X-Client-Request-ID` that you send comes back.
- The fields of a job, an item and a result line are shown in
  [read results and webhooks](../how-to/read-results-and-webhooks.md).

The same as a document for machines: [openapi.json](openapi.json), served at `/openapi.json` to any key.
"""


def page() -> str:
    """The whole page."""
    return GENERATED + INTRODUCTION + "".join(_sections())


def document() -> str:
    """The OpenAPI document."""
    return json.dumps(_openapi(), indent=2, ensure_ascii=False) + "\n"


@cache
def _openapi() -> dict[str, Any]:
    """Uses no environment and no server: the settings are empty, and the application is not started."""
    return create_app(Settings.model_construct()).openapi()


def _sections() -> Iterator[str]:
    for router in ROUTERS:
        yield f"\n## {str(router.tags[0]).capitalize()}\n"
        for route in (one for one in router.routes if isinstance(one, APIRoute)):
            for method in sorted(route.methods or ()):
                yield _route(route, method, _openapi()["paths"][route.path_format][method.lower()])


def _route(route: APIRoute, method: str, operation: dict[str, Any]) -> str:
    head = f"\n### {method} {route.path}\n\n{operation['description']}\n\n"
    scope = _scope(route)
    yours = f"Scope `{scope}`." if scope else "No key needed."
    return head + f"{yours}\n" + _parameters(operation) + _bodies(operation)


def _scope(route: APIRoute) -> str | None:
    annotations = {parameter.annotation for parameter in inspect.signature(route.endpoint).parameters.values()}
    return next((scope for scope, dependency in SCOPES.items() if dependency in annotations), None)


def _parameters(operation: dict[str, Any]) -> str:
    rows = [
        (f"`{one['name']}`", one["in"], _kind(one["schema"]), one["schema"].get("description", ""))
        for one in operation.get("parameters", [])
        if one["in"] != "path"
    ]
    return "\n" + table(("Parameter", "In", "Value", "Meaning"), rows) if rows else ""


def _bodies(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    return "".join(_body(media_type, _resolved(body["schema"])) for media_type, body in content.items())


def _body(media_type: str, schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"\nBody `{media_type}`: {schema.get('description', '')}\n"
    rows = [(f"`{name}`", _kind(field), field.get("description", "")) for name, field in schema["properties"].items()]
    return f"\nBody `{media_type}`:\n\n" + table(("Field", "Value", "Meaning"), rows)


def _kind(schema: dict[str, Any]) -> str:
    """`integer, 1 to 100, default 20`."""
    schema = _resolved(schema)
    inner = [one for one in map(_resolved, schema.get("anyOf", [schema])) if one.get("type") != "null"]
    names = " or ".join(dict.fromkeys(_type(one) for one in inner))
    limits = [text for one in inner for text in _limits(one)]
    default = [f"default {_shown(schema['default'])}"] if schema.get("default") not in (None, {}) else []
    return ", ".join([names, *limits, *default])


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return "list" if schema.get("type") == "array" else str(schema.get("type", "any"))


def _limits(schema: dict[str, Any]) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None or high is not None:
        yield (
            f"{low:,} to {high:,}"
            if low is not None and high is not None
            else f"≥ {low}"
            if high is None
            else f"≤ {high}"
        )
    if "exclusiveMinimum" in schema:
        yield f"> {schema['exclusiveMinimum']:g}"
    for name, unit in (("maxLength", "characters"), ("maxItems", "entries")):
        if name in schema:
            yield f"at most {schema[name]:,} {unit}"


def _shown(value: object) -> str:
    return ", ".join(f"`{one}`" for one in value) if isinstance(value, list) else f"`{value}`"


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return {**_openapi()["components"]["schemas"][name], **schema} if name else schema
