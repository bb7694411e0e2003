"""What taking in needs, wired by the door."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.images.guard import Guard
from vision.provider.catalogue import Catalogue
from vision.queue import Bell


@dataclass(frozen=True)
class Desk:
    """The record, the lanes on offer, the bell, the guard for webhook addresses, and where uploads are."""

    engine: AsyncEngine
    catalogue: Catalogue
    bell: Bell
    guard: Guard
    files_dir: Path
