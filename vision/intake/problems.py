"""Problems of a manifest: collected line by line, reported together."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vision.errors import Detail, InvalidRequest
from vision.jobs import ids
from vision.provider.catalogue import Lane
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


def too_many_images(line: int, images: int, lanes: Iterable[Lane]) -> Detail | None:
    """A problem if one of these lanes takes fewer images in a call than the item of this line has."""
    for lane in lanes:
        if lane.kind.most_images is not None and images > lane.kind.most_images:
            takes = f"{lane.name} takes {lane.kind.most_images} in a call"
            message = f"Line {line}: the item has {images} images; {takes}. Make an item of each image."
            return Detail("too_many_images", message, line=line)
    return None


async def unknown_files(connection: AsyncConnection, tenant: str, named: Mapping[UUID, int]) -> list[Detail]:
    """A problem for each upload that is not the tenant's; `named`: id → the line that names it."""
    missing = await files.missing(connection, tenant, named.keys())
    return [_unknown(file_id, named[file_id]) for file_id in sorted(missing, key=named.__getitem__)]


def _unknown(file_id: UUID, line: int) -> Detail:
    message = f"Line {line}: no file has the id {ids.public('file', file_id)}."
    return Detail("unknown_file", message, line=line)
