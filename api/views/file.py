"""Files on the wire, with the fields of OpenAI's file object."""

from typing import Literal

from api.views.lists import Listed
from vision.jobs import ids
from vision.storage.files import FileReport


class File(Listed):
    """An uploaded file."""

    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: None = None
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    status_details: None = None
    media_type: str
    sha256: str


def view(file: FileReport) -> File:
    """The file object."""
    return File(
        id=ids.public("file", file.id),
        bytes=file.bytes,
        created_at=int(file.created_at.timestamp()),
        filename=file.filename,
        purpose=file.purpose,
        media_type=file.media_type,
        sha256=file.sha256,
    )
