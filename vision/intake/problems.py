"""Problems of a manifest: collected line by line, reported together."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Detail, InvalidRequest
from vision.jobs import ids
from vision.storage import files

MAX_PROBLEMS = 100


def refuse(problems: Sequence[Detail], total: int) -> None:
    """InvalidRequest with every problem found, if there is one; `empty_job` if there was no line."""
    if problems:
        first, count = problems[0].message, len(problems)
        raise InvalidRequest(
            first if count == 1 else f"{count} items are wrong. The first: {first}",
            code="invalid_manifest",
            param=problems[0].param,
            details=problems,
        )
    if not total:
        raise InvalidRequest("The job has no items. Send at least one.", code="empty_job", param="items")


async def unknown_files(connection: AsyncConnection, tenant: str, named: Mapping[UUID, int]) -> list[Detail]:
    """A problem for each upload that is not the tenant's; `named`: id → the line that names it."""
    missing = await files.missing(connection, tenant, named.keys())
    return [_unknown(file_id, named[file_id]) for file_id in sorted(missing, key=named.__getitem__)]


def _unknown(file_id: UUID, line: int) -> Detail:
    message = f"Line {line}: no file has the id {ids.public('file', file_id)}."
    return Detail("unknown_file", message, line=line)
