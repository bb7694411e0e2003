"""Reads the bytes of a file one after the other."""

from typing import Literal

ByteOrder = Literal["big", "little"]

MAX_STEPS = 100_000  # blocks walked in one file: 25 MB of GIF, or 0.1 s of a hostile one


class NeedsMoreBytes(Exception):
    """The data ends before the end of its header."""


class Malformed(Exception):
    """The bytes contradict their format; `probe` makes an ImageError of it."""


class Cursor:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at, self._steps = data, at, 0

    def take(self, size: int) -> bytes:
        begin = self.at
        self.skip(size)
        return self.data[begin : self.at]

    def number(self, size: int, order: ByteOrder = "big") -> int:
        return int.from_bytes(self.take(size), order)

    def skip(self, size: int) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Malformed
        if self.at + size > len(self.data):
            raise NeedsMoreBytes
        self.at += size

    def skip_blocks(self) -> None:
        """GIF data: blocks with their length in front, up to an empty one."""
        size = 1
        while size:
            if self.at >= len(self.data):
                raise NeedsMoreBytes
            size = self.data[self.at]
            self.skip(1 + size)
