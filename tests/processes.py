"""Programs that tests start."""

import os
import signal
import sys

from embedded.child import TETHER


def tied(*arguments: str) -> list[str]:
    """A command for Python that ends with our process: after Ctrl-C, fixtures of a worker process may not end."""
    tether = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(signal.SIGTERM)), "-", "-"]
    return [*tether, sys.executable, *arguments]
