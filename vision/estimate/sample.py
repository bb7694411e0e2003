"""Measures the images of a sample, many at once; those that take more than SECONDS are left out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from vision.errors import ImageError
from vision.images.host import HostBusy
from vision.images.source import Images
from vision.intake.lines import Items, item_at, read_to_estimate

AT_ONCE = 32
SECONDS = 15.0
LARGE = 1_000_000
"""Items with a line of more bytes are measured one at a time: data URLs take several times their size in memory."""

SLOW = "No image came in time."


@dataclass(frozen=True, slots=True)
class Sampled:
    """An item: its number, the offset by which `item_at` finds it, the bytes of its line (0: already in memory)."""

    number: int
    at: int
    size: int


@dataclass
class Measured:
    """Sides of the images (w, h, …) of each readable item, the number of unreadable ones, and the first reason."""

    sizes: list[tuple[int, ...]] = field(default_factory=list)
    unreadable: int = 0
    reason: str = SLOW

    @property
    def items(self) -> int:
        """Items that were measured or could not be read; the others did not come in time."""
        return len(self.sizes) + self.unreadable


async def measure(images: Images, items: Items, sampled: Sequence[Sampled]) -> Measured:
    """Measure these items, at least one, for up to SECONDS."""
    found, turns, large = Measured(), asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(1)

    async def one(sampled: Sampled) -> None:
        async with large if sampled.size > LARGE else turns:
            sources = await asyncio.to_thread(_sources, items, sampled)
            await _measure(images, sources, found)

    tasks = [asyncio.create_task(one(sampled)) for sampled in sampled]
    try:
        done, _ = await asyncio.wait(tasks, timeout=SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()  # raises what is a defect of ours, not a slow image
    return found


def _sources(items: Items, sampled: Sampled) -> list[str]:
    return read_to_estimate(item_at(items, sampled.number, sampled.at)).images


async def _measure(images: Images, sources: Sequence[str], found: Measured) -> None:
    sides: tuple[int, ...] = ()
    try:
        for source in sources:
            sides += await images.measure(source)
    except HostBusy:
        return  # says nothing about the image
    except ImageError as error:
        if not found.unreadable:
            found.reason = error.message
        found.unreadable += 1
    else:
        found.sizes.append(sides)
