"""Images of a sample measured: many at once, for a few seconds, and what is not done by then left out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from vision.errors import ImageError
from vision.images.hosts import HostBusy
from vision.images.source import Images
from vision.intake.lines import Items, entry_at, read_to_estimate

AT_ONCE = 32
SECONDS = 15.0
LARGE = 1_000_000
"""Bytes of a line from which on items are taken one by one: images in data URLs are in memory several times."""

SLOW = "No image came in time."


@dataclass(frozen=True, slots=True)
class Sampled:
    """Where an item stands: its number, where `entry_at` finds it, and the bytes of its line (0: in memory already)."""

    number: int
    at: int
    size: int


@dataclass
class Measured:
    """Sides of the images (w, h, w, h, …) of each item that could be read, how many could not, and why the first."""

    sizes: list[tuple[int, ...]] = field(default_factory=list)
    unreadable: int = 0
    reason: str = SLOW

    @property
    def items(self) -> int:
        """Those of which something is known; the others did not come in time."""
        return len(self.sizes) + self.unreadable


async def measure(images: Images, items: Items, places: Sequence[Sampled]) -> Measured:
    """Measure the items at these places, as far as SECONDS go. At least one place."""
    found, turns, large = Measured(), asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(1)

    async def one(place: Sampled) -> None:
        async with large if place.size > LARGE else turns:
            sources = await asyncio.to_thread(_sources, items, place)
            await _measure(images, sources, found)

    tasks = [asyncio.create_task(one(place)) for place in places]
    try:
        done, _ = await asyncio.wait(tasks, timeout=SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()  # a defect is not to pass for a slow image
    return found


def _sources(items: Items, place: Sampled) -> list[str]:
    return read_to_estimate(entry_at(items, place.number, place.at)).images


async def _measure(images: Images, sources: Sequence[str], found: Measured) -> None:
    sides: tuple[int, ...] = ()
    try:
        for source in sources:
            sides += await images.measure(source)
    except HostBusy:
        return  # not in time, which says nothing about the image
    except ImageError as error:
        if not found.unreadable:
            found.reason = error.message
        found.unreadable += 1
    else:
        found.sizes.append(sides)
