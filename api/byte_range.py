"""The header `Range` of a download (RFC 9110, section 14): one part of a file, or all of it."""

import re
from typing import NamedTuple

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class ByteRange(NamedTuple):
    """Bytes [start, stop) of `total`. A `stop` that is not above `start` cannot be served (416)."""

    start: int
    stop: int
    total: int

    @property
    def is_all(self) -> bool:
        """Whether that is the whole file."""
        return (self.start, self.stop) == (0, self.total)

    @property
    def status(self) -> int:
        """200 for all, 206 for a part, 416 for none."""
        return 200 if self.is_all else 206 if self.start < self.stop else 416

    @property
    def headers(self) -> dict[str, str]:
        """What a client needs to put parts together."""
        length = {"accept-ranges": "bytes", "content-length": str(max(0, self.stop - self.start))}
        if self.is_all:
            return length
        part = f"{self.start}-{self.stop - 1}" if self.start < self.stop else "*"
        return length | {"content-range": f"bytes {part}/{self.total}"}


def requested(header: str | None, total: int) -> ByteRange:
    """The range that a request names; all bytes without the header, or where it is not one well-formed range."""
    found = _ONE.fullmatch((header or "").replace(" ", ""))
    if not found or found[0] == "bytes=-" or (found[1] and found[2] and int(found[2]) < int(found[1])):
        return ByteRange(0, total, total)
    if not found[1]:  # the last so many bytes
        return ByteRange(max(0, total - int(found[2])), total if int(found[2]) else 0, total)
    return ByteRange(int(found[1]), min(total, int(found[2]) + 1) if found[2] else total, total)
