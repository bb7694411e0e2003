"""An item that a worker has leased."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from vision.storage.queue.leases import Lease


@dataclass(frozen=True, slots=True)
class LeasedItem:
    """An item at one step of its job, and the lease under which somebody works on it."""

    tenant_id: str
    job_id: UUID
    step: int
    steps: int
    """How many the job has; after the last one comes the result."""
    number: int
    images: list[str]
    image_tokens: int | None
    width: int | None
    height: int | None
    range_id: int
    token: UUID
    attempt: int
    crashes: int
    reserved: Decimal
    """Dollars that are set aside for its call."""
    unseen: bool = False
    """Its size was declared, and never checked here."""

    @property
    def is_last(self) -> bool:
        """Whether no step comes after this one."""
        return self.step == self.steps

    @property
    def lease(self) -> Lease:
        """The lease that fences the item's outcome."""
        return self.range_id, self.token
