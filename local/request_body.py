"""Reads the JSON body of a request, up to a limit."""

from typing import Any

import orjson
from starlette.requests import Request

from local.errors import WireError

MAX_BODY = 64_000_000  # bytes of one request


def declared_size(request: Request) -> int:
    """The declared length of the body; one of unknown length counts as the longest."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise WireError("Send application/json.", "unsupported_content_type", status=415)
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdigit() else MAX_BODY
    if size > MAX_BODY:
        raise _too_long()
    return size


async def read_body(request: Request) -> dict[str, Any]:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BODY:
            raise _too_long()
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireError(f"The body is not valid JSON: {error}.", "invalid_json") from None
    if not isinstance(body, dict):
        raise WireError("The body must be a JSON object.", "invalid_json")
    return body


def _too_long() -> WireError:
    return WireError(f"The body is longer than {MAX_BODY:,} bytes.", "request_too_large", status=413)
