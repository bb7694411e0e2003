"""One log of all processes: each line begins with the name of its process."""

import io
import os
import select
import sys
from threading import Lock
from typing import TextIO

COLOURS = ("\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[32m")
OWN, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


PATIENCE_MS = 200
"""With a full pipe, wait so long for its reader before lines are dropped."""
PIPE_BYTES = 4_096
"""A writable pipe takes so many bytes at once; a longer write could block (PIPE_BUF)."""


class MergedLog:
    """Callable from any thread; stops writing when the reader has closed the stream.

    A reader that stalls (a paused terminal, a pager, a stopped collector) must not block the service, whose processes
    wait until their lines are read: lines are dropped then, and their number is logged later.
    """

    def __init__(self, stream: TextIO | None = None, width: int = 9) -> None:
        self._stream = stream or sys.stdout
        self._width = width
        self._colourful = self._stream.isatty()
        self._lock = Lock()
        self._dropped = 0

    def __call__(self, name: str, line: str) -> None:
        with self._lock:
            try:
                if self._dropped and self._is_writable():
                    count, self._dropped = self._dropped, 0
                    self._write("tessera", f"Nobody read this log for a while: {count} lines were dropped.")
                self._write(name, line)
            except OSError:  # the terminal or the reader of the pipe is gone
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _write(self, name: str, line: str) -> None:
        if self._dropped or not self._is_writable():
            self._dropped += 1
            return
        text = f"{self._label(name)} {line}"
        if len(text.encode()) >= PIPE_BYTES:
            text = text.encode()[: PIPE_BYTES - 8].decode(errors="ignore") + " …"
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _is_writable(self) -> bool:
        """Whether a line can be written at once, or after PATIENCE_MS if none was dropped before it."""
        try:
            poll = select.poll()
            poll.register(self._stream, select.POLLOUT)
        except io.UnsupportedOperation:  # it is in memory
            return True
        return bool(poll.poll(0 if self._dropped else PATIENCE_MS))

    def _label(self, name: str) -> str:
        label = f"{name:<{self._width}}"
        if not self._colourful:
            return f"{label}│"
        colour = OWN if name == "tessera" else COLOURS[sum(name.encode()) % len(COLOURS)]
        return f"{colour}{label}{PLAIN}{DIM}│{PLAIN}"
