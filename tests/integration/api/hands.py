"""A worker's hands without a worker: claims items and records what became of them."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.jobs.lifecycle import ItemStatus, Phase
from vision.prices import Usage
from vision.storage.outcomes.outcome import Charge, Outcome
from vision.storage.outcomes.record import record
from vision.storage.queue.claims import claim
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import Lessee

LANE = "fake/gpt-4o-mini"


async def take(engine: AsyncEngine, want: int, lane: str = LANE) -> list[LeasedItem]:
    """The next items of the lane."""
    return await claim(engine, lane, want, phase=Phase.CALL, lessee=Lessee("hands", 60))


async def succeed(engine: AsyncEngine, *held: LeasedItem, answer: object = None) -> None:
    """Record answers."""
    usage = Usage(input_tokens=2900, output_tokens=60, image_tokens=2833)
    charge = Charge(LANE, "succeeded", usage, Decimal("0.000473"), request_id="req_1")
    await record(
        engine,
        [Outcome(item, charge, ItemStatus.SUCCEEDED, answer=answer, latency_ms=812) for item in held],
    )


async def fail(engine: AsyncEngine, *held: LeasedItem) -> None:
    """Record failures."""
    await record(
        engine,
        [
            Outcome(item, None, ItemStatus.FAILED, error_code="image_corrupt", error_message="It is no image.")
            for item in held
        ],
    )
