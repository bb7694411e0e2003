"""Files: manifests and images, uploaded once and named by id."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from sqlalchemy import RowMapping

from api.bodies import multipart
from api.dependencies import FilesReader, FilesWriter, Services
from api.schemas import FilesQuery
from api.views.lists import page_of_dicts, unix
from vision.errors import InvalidRequest
from vision.jobs import ids
from vision.storage import files

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
async def upload(request: Request, services: Services, tenant: FilesWriter) -> dict[str, Any]:
    """Store a file: a form with the part `file`, at most 2 GB."""
    async with files.IncomingFile(services.files_dir) as draft:
        form = await multipart.receive(request, draft)
        purpose = form.fields.get("purpose", "vision")
        if not 1 <= len(purpose) <= MAX_PURPOSE_LENGTH:
            raise InvalidRequest(f"purpose has from 1 to {MAX_PURPOSE_LENGTH} characters.", param="purpose")
        await draft.keep()
        async with services.engine.begin() as connection:
            row = await files.add(
                connection, tenant, draft, purpose=purpose, filename=form.filename, media_type=form.media_type
            )
    return _view(row)


@router.get("")
async def every(services: Services, tenant: FilesReader, query: Annotated[FilesQuery, Query()]) -> dict[str, Any]:
    """Files, newest first."""
    after = query.start("file")
    async with services.engine.connect() as connection:
        rows = await files.page(connection, tenant, limit=query.limit + 1, after=after, purpose=query.purpose)
    return page_of_dicts([_view(row) for row in rows], query.limit, "/v1/files")


@router.get("/{file_id}")
async def get(file_id: str, services: Services, tenant: FilesReader) -> dict[str, Any]:
    """What is known of a file."""
    return _view(await _row(services, tenant, file_id))


@router.get("/{file_id}/content", response_class=FileResponse)
async def content(file_id: str, services: Services, tenant: FilesReader) -> FileResponse:
    """The bytes of a file, as they were sent."""
    row = await _row(services, tenant, file_id)
    return FileResponse(
        files.stored(services.files_dir, row["id"]),
        media_type="application/octet-stream",
        filename=row["filename"],
        headers={"x-content-type-options": "nosniff"},
    )


@router.delete("/{file_id}")
async def delete(file_id: str, services: Services, tenant: FilesWriter) -> dict[str, Any]:
    """Delete a file for good; 409 while a job that is not over names it."""
    uuid = ids.parse("file", file_id)
    async with services.engine.begin() as connection:
        await files.delete(connection, tenant, uuid)
    await asyncio.to_thread(files.discard, services.files_dir, uuid)
    return {"id": file_id, "object": "file", "deleted": True}


async def _row(services: Services, tenant: str, file_id: str) -> RowMapping:
    async with services.engine.connect() as connection:
        return await files.get(connection, tenant, ids.parse("file", file_id))


def _view(row: RowMapping) -> dict[str, Any]:
    return {
        "id": ids.public("file", row["id"]),
        "object": "file",
        "bytes": row["bytes"],
        "created_at": unix(row["created_at"]),
        "expires_at": None,
        "filename": row["filename"],
        "purpose": row["purpose"],
        "status": "processed",
        "status_details": None,
        "media_type": row["media_type"],
        "sha256": row["sha256"],
    }
