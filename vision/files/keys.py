"""Keys of the file store, and how items refer to them."""

import re
from uuid import UUID

STORED = "stored:"
"""Prefix of the key of an image that came inside its job. Callers cannot send it."""
_FILE = re.compile(r"file_([0-9a-f]{32})")
_OF_JOB = re.compile(r"jobs/([0-9a-f]{32})/[0-9a-f]{64}")


def of_job(job_id: UUID, sha256: str) -> str:
    """The key of an image inside a job, by its hash, so that equal images are stored once."""
    return f"jobs/{job_id.hex}/{sha256}"


def of_source(source: str) -> str | None:
    """The key of an item's image; None if it is not in the store."""
    if source.startswith(STORED):
        return source.removeprefix(STORED)
    found = _FILE.fullmatch(source)
    return found and found[1]


def job_of(key: str) -> UUID | None:
    """The job that owns this key; None for an upload."""
    found = _OF_JOB.fullmatch(key)
    return UUID(found[1]) if found else None
