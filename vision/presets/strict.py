"""Checks whether a provider accepts a JSON schema as strict; the rules are in strict.toml."""

from collections.abc import Iterator
from functools import cache

import orjson
from jsonschema_rs import Draft202012Validator

from vision.errors import Detail, InvalidRequest
from vision.presets.schema_walk import MAX_DETAILS, SchemaWalk, violation


def check(schema: object) -> None:
    """InvalidRequest `invalid_schema` with up to 100 details (JSON path and remedy) unless `schema` is strict."""
    details = list(_malformed(schema)) or SchemaWalk().walk(schema)
    if not details:
        return
    first = details[0]
    more = f" ({len(details) - 1} more in details)" if len(details) > 1 else ""
    raise InvalidRequest(
        f"The schema is not a strict schema. {first.message}{more}",
        code="invalid_schema",
        param="schema",
        details=details[:MAX_DETAILS],
    )


def _malformed(schema: object) -> Iterator[Detail]:
    """Violations of JSON Schema itself; without any, the walk can rely on the form of every keyword."""
    if not isinstance(schema, dict):
        yield violation((), "root_not_object", 'a schema is a JSON object such as {"type": "object", …}')
        return
    try:
        storable = b"\\u0000" not in orjson.dumps(schema)
    except orjson.JSONEncodeError:
        storable = False
    if not storable:
        yield violation((), "malformed_schema", "it is nested too deeply, or holds NUL or ill-formed characters")
        return
    for error in _meta_schema().iter_errors(schema):
        yield violation(tuple(map(str, error.instance_path)), "malformed_keyword", error.message[:200])


@cache
def _meta_schema() -> Draft202012Validator:
    """The schema of JSON Schema itself; it comes with the library."""
    return Draft202012Validator({"$ref": "https://json-schema.org/draft/2020-12/schema"}, offline=True)
