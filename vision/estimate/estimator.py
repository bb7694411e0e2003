"""Estimates a job without running it: nothing is stored, and only a few images are measured."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from vision.errors import InvalidRequest
from vision.estimate.arithmetic import Extrapolation, Sums, Way, Ways
from vision.estimate.offers import EstimateRequest, offers
from vision.estimate.rows import PlannedRow, Row, compared, plan_rows, rows
from vision.estimate.sample import Measured, measure
from vision.estimate.size_reader import SizeReader
from vision.images.source import Images
from vision.intake.context import IntakeContext
from vision.intake.lines import Items
from vision.intake.plan import preset_of, text_tokens
from vision.intake.problems import refuse, unknown_files
from vision.tokens import Fit

AT_ONCE = 2
"""Estimates that one process makes at once: each keeps a core busy."""


@dataclass(frozen=True)
class ItemCounts:
    """All items, those of declared sizes, measured, unreadable; `sampled`: all that the figures rest on."""

    total: int
    sized: int
    measured: int
    sampled: int
    unreadable: int


@dataclass(frozen=True)
class Estimate:
    """Rows, cheapest first; `exact`: no figure is extrapolated."""

    preset: str | None
    fit: Fit
    items: ItemCounts
    exact: bool
    rows: list[Row]


class Estimator:
    """Makes estimates, AT_ONCE at a time; the others wait."""

    def __init__(self, context: IntakeContext, images: Images) -> None:
        self._context, self._images = context, images
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def estimate(self, tenant: str, request: EstimateRequest, items: Items) -> Estimate:
        """Tokens, dollars and seconds for each model and detail; InvalidRequest as for a job, and `sizes_unknown`."""
        order = request.order
        preset, fit, chosen = preset_of(order), Fit(order.fit, order.max_side), offers(self._context, request)
        prompt = preset.render(order.language)
        async with self._turns:
            text = await asyncio.to_thread(text_tokens, preset, prompt)
            async with self._context.engine.connect() as connection:
                planned = await plan_rows(connection, tenant, order, preset, chosen, text)
            counting = _Counting(items, planned, fit)
            await self._read(tenant, counting.reader)
            if counting.needs_images:
                counting.measured = await measure(self._images, items, counting.reader.sample)
                counting.require_sizes()
            return await asyncio.to_thread(counting.result, order.preset, planned, fit)

    async def _read(self, tenant: str, reader: SizeReader) -> None:
        batches = reader.batches()
        while (uploads := await asyncio.to_thread(next, batches, None)) is not None:
            if uploads:
                async with self._context.engine.connect() as connection:
                    reader.problems += await unknown_files(connection, tenant, uploads)
        refuse(reader.problems, reader.total)


class _Counting:
    """Reads a manifest's items and sums them up."""

    def __init__(self, items: Items, planned: Sequence[PlannedRow], fit: Fit) -> None:
        ways = [row.way(each) for row in planned for each in (*compared(fit), fit)]
        self._known, self._sampled = Ways(ways), Ways(ways)
        lanes = [row.offer.lane for row in planned if row.offer.lane and row.offer.lane.kind.most_images is not None]
        self.reader = SizeReader(items, self._known, Random(), lanes)  # noqa: S311 - not a secret
        self.measured = Measured()

    @property
    def needs_images(self) -> bool:
        """Whether some images have to be measured."""
        return self._known.need_sizes and self.reader.unsized > 0

    def require_sizes(self) -> None:
        """InvalidRequest sizes_unknown if no image of the sample could be measured."""
        sampled_all = self.measured.items == self.reader.unsized and self.reader.sized
        if not self.measured.sizes and not sampled_all:
            raise InvalidRequest(
                f"None of the images could be measured. The first: {self.measured.reason} "
                "Give width and height, or fix the addresses.",
                code="sizes_unknown",
                param="items",
            )

    def result(self, preset: str | None, planned: Sequence[PlannedRow], fit: Fit) -> Estimate:
        """Count the rest, and make the estimate. Blocks: run it in a thread."""
        for sides in self.measured.sizes:
            self._sampled.add(sides)
        found = rows(planned, fit, self._extrapolation)
        return Estimate(preset, fit, self._counts(), all(row.exact for row in found), found)

    def _extrapolation(self, way: Way) -> Extrapolation:
        known = self._known.sums(way)
        unknown = self.reader.read - known.items
        sampled = self._sampled.sums(way) + Sums(items=self.measured.unreadable) if unknown else Sums()
        return Extrapolation(self.reader.total, known, unknown, sampled)

    def _counts(self) -> ItemCounts:
        reader, measured = self.reader, self.measured
        return ItemCounts(
            total=reader.total,
            sized=reader.sized,
            measured=len(measured.sizes),
            sampled=reader.sized + measured.items if self.needs_images else reader.read,
            unreadable=measured.unreadable,
        )
