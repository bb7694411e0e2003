"""Request bodies, read as they arrive and never beyond their limit."""

from collections.abc import AsyncIterator

from fastapi import Request

from vision.errors import InvalidRequest, TooLarge

MAX_JSON_BYTES = 64 * 1024**2


async def read(request: Request, max_bytes: int = MAX_JSON_BYTES) -> bytes:
    """The whole body; TooLarge as soon as the limit is passed."""
    pieces, size = [], 0
    async for piece in pieces_of(request):
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(
                f"The body is larger than {max_bytes // 1024**2} MB. Upload images or a manifest with POST /v1/files."
            )
        pieces.append(piece)
    return b"".join(pieces)


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise InvalidRequest(
            f"Bodies compressed with {encoding[:40]} are not read. Send the body as it is.",
            code="unsupported_media_type",
            param="Content-Encoding",
        )
    async for piece in request.stream():
        yield piece


def media_type(request: Request) -> str:
    """`application/json` for `Application/JSON; charset=utf-8`."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
