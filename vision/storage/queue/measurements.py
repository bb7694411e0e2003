"""What measuring found: sizes and tokens on the items, which then wait for work."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.storage.outcomes.outcome import Outcome
from vision.storage.outcomes.record import record_in, tick_off
from vision.storage.queue.claims import Held
from vision.storage.queue.leases import hold


@dataclass(frozen=True, slots=True)
class Measurement:
    """An item's size and tokens: of its first image in pixels, of all its images in tokens."""

    item: Held
    width: int | None
    height: int | None
    image_tokens: int
    cost: Decimal
    """What it is expected to cost, in dollars."""
    saved_tokens: int = 0
    """How many more image tokens it would take if it were sent as it is."""
    unseen: bool = False
    """It could not be measured: its size is still the one that was declared."""

    @property
    def corrects(self) -> bool:
        """Whether the size had been declared wrong."""
        declared = self.item.width, self.item.height
        return None not in declared and declared != (self.width, self.height)


_SIZES = text("""
    UPDATE items i SET width = x.width, height = x.height, image_tokens = x.tokens, unseen = x.unseen
    FROM unnest(CAST(:numbers AS int[]), CAST(:widths AS int[]), CAST(:heights AS int[]), CAST(:tokens AS int[]),
                CAST(:unseen AS bool[])) AS x(number, width, height, tokens, unseen)
    WHERE i.job_id = :job_id AND i.number = x.number
      AND (i.image_tokens, i.unseen) IS DISTINCT FROM (x.tokens, x.unseen)
""")

_READY = text("""
    INSERT INTO ranges (tenant_id, job_id, lane, stage, start, stop)
    SELECT :tenant_id, :job_id, :lane, 'work', min(number), max(number) + 1
    FROM (SELECT number, number - row_number() OVER (ORDER BY number) AS island
          FROM unnest(CAST(:numbers AS int[])) AS number) runs
    GROUP BY island
""")

_JOB = text("""
    UPDATE jobs SET measured = measured + :measured, estimated_cost = estimated_cost + :cost,
        estimated_tokens = estimated_tokens + :image_tokens
            + :measured * (coalesce(expected_prompt_tokens, prompt_tokens) + expected_output_tokens),
        estimated_input_tokens = estimated_input_tokens + :image_tokens
            + :measured * coalesce(expected_prompt_tokens, prompt_tokens),
        estimated_image_tokens = estimated_image_tokens + :image_tokens,
        saved_image_tokens = saved_image_tokens + :saved, sizes_corrected = sizes_corrected + :corrected
    WHERE id = :job_id
""")


async def store(engine: AsyncEngine, measured: Sequence[Measurement], others: Sequence[Outcome]) -> set[UUID]:
    """Write one claim's measurements (all of one job), and what could not be measured; the jobs that ended with it."""
    async with engine.begin() as connection:
        items = [measurement.item for measurement in measured] + [outcome.item for outcome in others]
        await hold(connection, [item.lease for item in items])
        lanes = await tick_off(connection, [measurement.item for measurement in measured])
        kept = [measurement for measurement in measured if measurement.item.lease in lanes]
        if kept:
            await _keep(connection, kept, lanes[kept[0].item.lease])
        return await record_in(connection, others) if others else set()


async def _keep(connection: AsyncConnection, kept: Sequence[Measurement], lane: str) -> None:
    first = kept[0].item
    numbers = [measurement.item.number for measurement in kept]
    sizes = {
        "job_id": first.job_id,
        "numbers": numbers,
        "widths": [measurement.width for measurement in kept],
        "heights": [measurement.height for measurement in kept],
        "tokens": [measurement.image_tokens for measurement in kept],
        "unseen": [measurement.unseen for measurement in kept],
    }
    await connection.execute(_SIZES, sizes)
    ready = {"tenant_id": first.tenant_id, "job_id": first.job_id, "lane": lane, "numbers": numbers}
    await connection.execute(_READY, ready)
    # Items whose tokens were known when the job came in are in its estimate already.
    new = [measurement for measurement in kept if measurement.item.image_tokens is None]
    counters = {
        "job_id": first.job_id,
        "measured": len(new),
        "image_tokens": sum(measurement.image_tokens for measurement in new),
        "saved": sum(measurement.saved_tokens for measurement in new),
        "cost": sum((measurement.cost for measurement in new), Decimal(0)),
        "corrected": sum(measurement.corrects for measurement in kept),
    }
    await connection.execute(_JOB, counters)
