"""Reads the size of a picture on this machine from as few bytes as needed."""

from pathlib import Path
from typing import IO

from vision.errors import ImageError
from vision.images.probe import HEADS, NeedsMoreBytes, Probe, probe, probe_file


def read(path: Path) -> tuple[int, int]:
    """Width and height in pixels, upright.

    ImageError image_corrupt, image_unsupported, image_too_large; image_unreachable if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = _probe(file)
    except OSError as error:
        raise ImageError(f"The file cannot be read: {error.strerror}.", code="image_unreachable") from None
    return found.width, found.height


def _probe(file: IO[bytes]) -> Probe:
    """A file that is read to its end is also checked for completeness."""
    data = b""
    for size in HEADS:
        data += file.read(size - len(data))
        if len(data) < size:
            break
        try:
            return probe(data)
        except NeedsMoreBytes:
            continue
    return probe_file(data + file.read())
