"""Whether a word of the command line names a file or a folder. No word raises: not even one too long for a path."""

import os
from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether a file is there; False also where the path cannot be looked at."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises most errors of the system


def is_folder(path: Path) -> bool:
    """Whether a folder is there; False also where the path cannot be looked at."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises most errors of the system
