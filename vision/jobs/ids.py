"""Public ids: a prefix and a time-ordered UUID in hexadecimal, opaque to callers.

An item's id is its job's UUID followed by its number, so that it needs no column.
"""

import os
import re
import time
from uuid import UUID

from vision.errors import NotFound

_HEX = re.compile("[0-9a-f]{32}")


def new() -> UUID:
    """A UUIDv7: milliseconds since the epoch, then 74 random bits (RFC 9562 §5.7)."""
    value = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    return UUID(bytes=bytes(value))


def public(prefix: str, value: UUID) -> str:
    """`job` and a UUID → `job_0190…`."""
    return f"{prefix}_{value.hex}"


def parse(prefix: str, text: str) -> UUID:
    """`job_0190…` → its UUID; NotFound if it is not of this form."""
    head, _, tail = text.partition("_")
    if head != prefix or not _HEX.fullmatch(tail):
        raise NotFound(f"No {prefix} has the id {text[:80]!r}.")
    return UUID(hex=tail)


def item(job_id: UUID, number: int) -> str:
    """The public id of a job's item."""
    return f"item_{job_id.hex}{number:08x}"
