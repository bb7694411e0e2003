"""What a job would take, without running it: nothing is stored, and of its images only a few are looked at."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from vision.errors import InvalidRequest
from vision.estimate.arithmetic import Extrapolation, Sums, Way, Ways
from vision.estimate.offers import EstimateRequest, offers
from vision.estimate.rows import PlannedRow, Row, compared, drafts, rows
from vision.estimate.sample import Measured, measure
from vision.estimate.size_reader import SizeReader
from vision.images.source import Images
from vision.intake.context import IntakeContext
from vision.intake.lines import Items
from vision.intake.order import preset_of, text_tokens
from vision.intake.problems import refuse, unknown_files
from vision.tokens import Fit

AT_ONCE = 2
"""Estimates under way in one process: each keeps a core busy."""


@dataclass(frozen=True)
class Seen:
    """Items in all; of those looked at the ones with told sizes, measured, unreadable; and how many figures rest on."""

    total: int
    sized: int
    measured: int
    sampled: int
    unreadable: int


@dataclass(frozen=True)
class Estimate:
    """Rows, cheapest first; `exact`: nothing in them is extrapolated."""

    preset: str | None
    fit: Fit
    items: Seen
    exact: bool
    rows: list[Row]


class Estimator:
    """Makes estimates, AT_ONCE at a time; the others wait."""

    def __init__(self, context: IntakeContext, images: Images) -> None:
        self._context, self._images = context, images
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def estimate(self, tenant: str, ask: EstimateRequest, items: Items) -> Estimate:
        """Tokens, dollars and seconds for each model and detail; InvalidRequest as for a job, and `sizes_unknown`."""
        order = ask.order
        preset, fit, chosen = preset_of(order), Fit(order.fit, order.max_side), offers(self._context, ask)
        prompt = preset.render(order.language)
        async with self._turns:
            text = await asyncio.to_thread(text_tokens, preset, prompt)
            async with self._context.engine.connect() as connection:
                drafted = await drafts(connection, tenant, order, preset, chosen, text)
            counting = _Counting(items, drafted, fit)
            await self._read(tenant, counting.reading)
            if counting.needs_images:
                counting.measured = await measure(self._images, items, counting.reading.sample)
                counting.require_sizes()
            return await asyncio.to_thread(counting.result, order.preset, drafted, fit)

    async def _read(self, tenant: str, reading: SizeReader) -> None:
        batches = reading.batches()
        while (uploads := await asyncio.to_thread(next, batches, None)) is not None:
            if uploads:
                async with self._context.engine.connect() as connection:
                    reading.problems += await unknown_files(connection, tenant, uploads)
        refuse(reading.problems, reading.total)


class _Counting:
    """A manifest's items on their way into sums."""

    def __init__(self, items: Items, drafted: Sequence[PlannedRow], fit: Fit) -> None:
        ways = [draft.way(each) for draft in drafted for each in (*compared(fit), fit)]
        self._told, self._sampled = Ways(ways), Ways(ways)
        self.reading = SizeReader(items, self._told, Random())  # noqa: S311 - not a secret
        self.measured = Measured()

    @property
    def needs_images(self) -> bool:
        """Whether some images have to be measured."""
        return self._told.need_sizes and self.reading.unsized > 0

    def require_sizes(self) -> None:
        """InvalidRequest sizes_unknown if the sample tells nothing about the items that are not in it."""
        all_of_them = self.measured.items == self.reading.unsized and self.reading.sized
        if not self.measured.sizes and not all_of_them:
            raise InvalidRequest(
                f"None of the images could be measured. The first: {self.measured.reason} "
                "Give width and height, or fix the addresses.",
                code="sizes_unknown",
                param="items",
            )

    def result(self, preset: str | None, drafted: Sequence[PlannedRow], fit: Fit) -> Estimate:
        """Counts what is left. Blocks: to be run in a thread."""
        for sides in self.measured.sizes:
            self._sampled.add(sides)
        found = rows(drafted, fit, self._extrapolation)
        return Estimate(preset, fit, self._seen(), all(row.exact for row in found), found)

    def _extrapolation(self, way: Way) -> Extrapolation:
        told = self._told.sums(way)
        untold = self.reading.read - told.items
        sampled = self._sampled.sums(way) + Sums(items=self.measured.unreadable) if untold else Sums()
        return Extrapolation(self.reading.total, told, untold, sampled)

    def _seen(self) -> Seen:
        reading, measured = self.reading, self.measured
        return Seen(
            total=reading.total,
            sized=reading.sized,
            measured=len(measured.sizes),
            sampled=reading.sized + measured.items if self.needs_images else reading.read,
            unreadable=measured.unreadable,
        )
