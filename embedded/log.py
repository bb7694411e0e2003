"""One tidy log of all processes: a line each, its process's name before it."""

import io
import os
import select
import sys
from threading import Lock
from typing import TextIO

COLOURS = ("\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[32m")
OWN, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


PATIENCE_MS = 200
"""So long a reader may be behind with a full pipe before lines are dropped."""
ROOM = 4_096
"""Bytes that a pipe with any room has room for: more could block."""


class MergedLog:
    """Callable from any thread; goes on in silence when nobody reads it any more.

    Who holds the reader up (a paused terminal, a pager, a stopped collector) must not hold up the service, whose
    processes wait for their lines to be taken: then lines are dropped, and their number is told later.
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
                if self._dropped and self._room():
                    count, self._dropped = self._dropped, 0
                    self._write("tessera", f"Nobody read this log for a while: {count} lines were dropped.")
                self._write(name, line)
            except OSError:  # the terminal or the reader of the pipe is gone
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _write(self, name: str, line: str) -> None:
        if self._dropped or not self._room():
            self._dropped += 1
            return
        text = f"{self._label(name)} {line}"
        if len(text.encode()) >= ROOM:
            text = text.encode()[: ROOM - 8].decode(errors="ignore") + " …"
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _room(self) -> bool:
        """Whether a line can be written without waiting, or after a short time if none was dropped before it."""
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
