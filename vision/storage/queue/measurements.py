"""Stores measured sizes and tokens; the items then wait for their calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vision.storage.outcomes.outcome import Outcome
from vision.storage.outcomes.record import Recorded, record_in, tick_off
from vision.storage.outcomes.recordset import recordset
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.queue.leases import hold


@dataclass(frozen=True, slots=True)
class Measurement:
    """An item's size and tokens: of its first image in pixels, of all its images in tokens."""

    item: LeasedItem
    width: int | None
    height: int | None
    image_tokens: int
    cost: Decimal
    """What it is expected to cost, in dollars."""
    saved_tokens: int = 0
    """Image tokens saved by shrinking."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Of an item with several images: width and height of each."""
    unseen: bool = False
    """It could not be measured: its size is still the one that was declared."""

    @property
    def corrects(self) -> bool:
        """Whether the size had been declared wrong."""
        declared = self.item.width, self.item.height
        return None not in declared and declared != (self.width, self.height)


_SIZES = text("""
    UPDATE items i SET width = x.width, height = x.height, sizes = coalesce(x.sizes, i.sizes), unseen = x.unseen,
                       image_tokens = CASE WHEN :step = 1 THEN x.tokens ELSE i.image_tokens END
    FROM json_to_recordset(CAST(:rows AS json))
         AS x(number int, width int, height int, sizes int[], tokens int, unseen bool)
    WHERE i.job_id = :job_id AND i.number = x.number
      AND (i.image_tokens, i.width, i.sizes, i.unseen) IS DISTINCT FROM (x.tokens, x.width, x.sizes, x.unseen)
""")

_READY = text("""
    INSERT INTO ranges (tenant_id, job_id, step, lane, phase, start, stop)
    SELECT :tenant_id, :job_id, :step, :lane, 'call', min(number), max(number) + 1
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


async def store(engine: AsyncEngine, measured: Sequence[Measurement], others: Sequence[Outcome]) -> Recorded:
    """Write one claim's measurements (all of one step), and what could not be measured."""
    async with engine.begin() as connection:
        items = [measurement.item for measurement in measured] + [outcome.item for outcome in others]
        await hold(connection, [item.lease for item in items])
        lanes = await tick_off(connection, [measurement.item for measurement in measured])
        kept = [measurement for measurement in measured if measurement.item.lease in lanes]
        if kept:
            await _keep(connection, kept, lanes[kept[0].item.lease])
        return await record_in(connection, others) if others else Recorded()


async def _keep(connection: AsyncConnection, kept: Sequence[Measurement], lane: str) -> None:
    first = kept[0].item
    numbers = [measurement.item.number for measurement in kept]
    of_step = {"job_id": first.job_id, "step": first.step}
    await connection.execute(_SIZES, {**of_step, "rows": recordset([_size(measurement) for measurement in kept])})
    await connection.execute(_READY, {**of_step, "tenant_id": first.tenant_id, "lane": lane, "numbers": numbers})
    if first.step > 1:
        return
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


def _size(measurement: Measurement) -> dict[str, object]:
    return {
        "number": measurement.item.number,
        "width": measurement.width,
        "height": measurement.height,
        "sizes": [side for size in measurement.sizes for side in size] or None,
        "tokens": measurement.image_tokens,
        "unseen": measurement.unseen,
    }
