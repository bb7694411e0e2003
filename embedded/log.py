"""One tidy log of all processes: a line each, its process's name before it."""

import os
import sys
from threading import Lock
from typing import TextIO

COLOURS = ("\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[32m")
OWN, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


class MergedLog:
    """Callable from any thread; goes on in silence when nobody reads it any more."""

    def __init__(self, stream: TextIO | None = None, width: int = 9) -> None:
        self._stream = stream or sys.stdout
        self._width = width
        self._colourful = self._stream.isatty()
        self._lock = Lock()

    def __call__(self, name: str, line: str) -> None:
        with self._lock:
            try:
                self._stream.write(f"{self._label(name)} {line}\n")
                self._stream.flush()
            except OSError:  # the terminal or the reader of the pipe is gone
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _label(self, name: str) -> str:
        label = f"{name:<{self._width}}"
        if not self._colourful:
            return f"{label}│"
        colour = OWN if name == "tessera" else COLOURS[sum(name.encode()) % len(COLOURS)]
        return f"{colour}{label}{PLAIN}{DIM}│{PLAIN}"
