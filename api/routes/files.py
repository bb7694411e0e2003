"""Files: manifests and images, uploaded once and named by id."""

import logging
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api import byte_range
from api.bodies import multipart
from api.dependencies import FilesReader, FilesWriter, Services
from api.lifespan import ApiServices
from api.schemas import FilesQuery
from api.views.file import File, view
from api.views.lists import Deleted, Page, page
from vision.errors import InvalidRequest, NotFound
from vision.files import BytesGone, IncomingFile, StoreUnavailable
from vision.jobs import ids
from vision.storage import files
from vision.storage.files import FileReport

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/files", tags=["files"])

MAX_PURPOSE_LENGTH = 64
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}, "purpose": {"type": "string"}},
                }
            }
        },
    }
}


@router.post("", openapi_extra=FORM)
async def upload(request: Request, services: Services, tenant: FilesWriter) -> File:
    """Store a file: a form with the part `file`, at most 2 GB."""
    async with IncomingFile(services.store) as draft:
        form = await multipart.receive(request, draft)
        purpose = form.fields.get("purpose", "vision")
        if not 1 <= len(purpose) <= MAX_PURPOSE_LENGTH:
            raise InvalidRequest(f"purpose has from 1 to {MAX_PURPOSE_LENGTH} characters.", param="purpose")
        await draft.keep()
        async with services.engine.begin() as connection:
            file = await files.add(
                connection, tenant, draft, purpose=purpose, filename=form.filename, media_type=form.media_type
            )
    return view(file)


@router.get("")
async def every(services: Services, tenant: FilesReader, query: Annotated[FilesQuery, Query()]) -> Page[File]:
    """Files, newest first."""
    after = query.start("file")
    async with services.engine.connect() as connection:
        found = await files.page(
            connection, tenant, limit=query.limit + 1, after=after, purpose=query.purpose, sha256=query.sha256
        )
    return page([view(file) for file in found], query.limit, "/v1/files")


@router.get("/{file_id}")
async def get(file_id: str, services: Services, tenant: FilesReader) -> File:
    """What is known of a file."""
    return view(await _found(services, tenant, file_id))


@router.get("/{file_id}/content", response_class=StreamingResponse)
async def content(file_id: str, request: Request, services: Services, tenant: FilesReader) -> Response:
    """The bytes of a file as they were sent, or one part of them (`Range`)."""
    file = await _found(services, tenant, file_id)
    part = byte_range.requested(request.headers.get("range"), file.bytes)
    if part.status == 416:
        return Response(status_code=416, headers=part.headers)
    pieces = services.store.stream(file.id.hex) if part.is_all else services.store.stream(file.id.hex, *part[:2])
    try:
        first = await anext(pieces, b"")
    except BytesGone:
        raise NotFound(f"The bytes of {file_id} are gone. Upload the file again.") from None
    name = quote(file.filename)
    named = f'filename="{name}"' if name == file.filename else f"filename*=UTF-8''{name}"
    headers = {
        "content-disposition": f"attachment; {named}",
        "x-content-type-options": "nosniff",
        **part.headers,
    }
    return StreamingResponse(
        _chained(first, pieces), part.status, media_type="application/octet-stream", headers=headers
    )


@router.delete("/{file_id}")
async def delete(file_id: str, services: Services, tenant: FilesWriter) -> Deleted:
    """Delete a file for good; 409 while a job that is not over names it."""
    uuid = ids.parse("file", file_id)
    async with services.engine.begin() as connection:
        await files.delete(connection, tenant, uuid)
    await _discard(services, uuid)
    return Deleted(id=file_id, object="file")


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _discard(services: ApiServices, file_id: UUID) -> None:
    """Delete the bytes. The row is gone already; bytes that stay are found later as orphans."""
    try:
        await services.store.delete([file_id.hex])
    except (StoreUnavailable, OSError) as error:
        log.warning("The bytes of the deleted file %s could not be removed yet: %s", file_id.hex, error)


async def _found(services: ApiServices, tenant: str, file_id: str) -> FileReport:
    async with services.engine.connect() as connection:
        return await files.get(connection, tenant, ids.parse("file", file_id))
