"""What a file on this machine is, by its first bytes."""

from pathlib import Path

from vision.errors import ImageError
from vision.images.probe import NeedsMoreBytes, sniff

BEGINNING = 1_024


def not_sendable(path: Path) -> str | None:
    """Why this file cannot be sent as a picture; None if it can, as far as its first bytes tell."""
    try:
        with path.open("rb") as file:
            sniff(file.read(BEGINNING))
    except OSError as error:
        return f"It cannot be read: {error.strerror}."
    except NeedsMoreBytes:
        return "The image is damaged or incomplete. [image_corrupt]"
    except ImageError as error:
        return f"{error.message} [{error.code}]"
    return None
