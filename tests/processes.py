"""Programs that tests start."""

import os
import signal
import sys

from embedded.child import EXIT_WITH_PARENT


def tied(*arguments: str) -> list[str]:
    """A command for Python that ends with our process: after Ctrl-C, fixtures of a worker process may not end."""
    return tied_program(sys.executable, *arguments)


def tied_program(*command: str) -> list[str]:
    """The same of any program."""
    wrapper = [sys.executable, "-I", "-S", str(EXIT_WITH_PARENT), str(os.getpid()), str(int(signal.SIGTERM)), "-", "-"]
    return [*wrapper, *command]
