"""The dependencies of intake; the API creates them."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.files import Store
from vision.jobs.wake_ups import WakeUps
from vision.outbound.guard import Guard
from vision.provider.catalogue import Catalogue


@dataclass(frozen=True)
class IntakeContext:
    """Database, configured lanes, wake-ups, the guard for webhook addresses, and the file store."""

    engine: AsyncEngine
    catalogue: Catalogue
    wake_ups: WakeUps
    guard: Guard
    store: Store
