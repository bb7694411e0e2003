"""Request bodies, read as they arrive and never beyond their limit."""

from collections.abc import AsyncIterator
from typing import TypeVar, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from api.middleware.arrival import SMALL, Arrival, Limit
from vision.errors import InvalidRequest
from vision.files.incoming import MAX_BYTES
from vision.jobs import untrusted

INLINE = Limit(
    16 * 1024**2,
    "The body is larger than 16 MB. Send the items as application/x-ndjson, or upload images or a manifest with "
    "POST /v1/files.",
)
STREAM = Limit(MAX_BYTES + 1024**2, f"The upload is larger than {MAX_BYTES // 1024**2} MB.", code="file_too_large")

Model = TypeVar("Model", bound=BaseModel)


async def parsed(request: Request, kind: type[Model], limit: Limit = SMALL) -> Model:
    """A JSON body. Routes use this instead of FastAPI's own reading, which would take numbers that cannot be stored."""
    if media_type(request) not in {"application/json", ""}:
        raise InvalidRequest("Send the body as application/json.", code="unsupported_media_type", param="Content-Type")
    raw = b"".join([piece async for piece in pieces_of(request, limit)])
    return validated(kind, untrusted.load(raw))


def validated(kind: type[Model], value: object) -> Model:
    """A value as a model; RequestValidationError."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None


async def pieces_of(request: Request, limit: Limit) -> AsyncIterator[bytes]:
    """The body as it arrives; TooLarge as soon as the limit is passed."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise InvalidRequest(
            f"Bodies compressed with {encoding[:40]} are not read. Send the body as it is.",
            code="unsupported_media_type",
            param="Content-Encoding",
        )
    cast("Arrival", request.state.arrival).limit = limit
    async for piece in request.stream():
        yield piece


def media_type(request: Request) -> str:
    """`application/json` for `Application/JSON; charset=utf-8`."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
