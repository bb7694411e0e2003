"""Moves images that came inside a job into the file store, so that claims need not load them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from vision.errors import ImageError
from vision.files import Store
from vision.files.keys import STORED, of_job
from vision.images.data_urls import decode

LEAST_CHARACTERS = 4_096
"""Shorter data URLs stay in their item: a file costs more."""
AT_ONCE = 8


@dataclass(frozen=True)
class _Found:
    """A data URL: its list of images, its index there, and its content."""

    images: list[str]
    index: int
    key: str
    data: bytes


@dataclass
class Spilling:
    """Stores the data URLs of one job."""

    store: Store
    job_id: UUID
    keys: set[str] = field(default_factory=set)

    async def spill(self, items: Iterator[list[str]]) -> None:
        """Store the long data URLs in these lists of images, and replace them by references."""
        found = await asyncio.to_thread(lambda: list(self._found(items)))
        new = {each.key: each.data for each in found if each.key not in self.keys}
        turns = asyncio.Semaphore(AT_ONCE)

        async def put(key: str, data: bytes) -> None:
            async with turns:
                await self.store.put(key, data)

        async with asyncio.TaskGroup() as tasks:
            for key, data in new.items():
                tasks.create_task(put(key, data))
        self.keys.update(new)
        for each in found:
            each.images[each.index] = STORED + each.key

    async def undo(self) -> None:
        """The job was refused: remove what was stored for it."""
        await self.store.delete(sorted(self.keys))

    def _found(self, items: Iterator[list[str]]) -> Iterator[_Found]:
        for images in items:
            for index, source in enumerate(images):
                if len(source) > LEAST_CHARACTERS and source[:5].lower() == "data:":
                    try:
                        data = decode(source)
                    except ImageError:
                        continue  # the worker will fail its item
                    yield _Found(images, index, of_job(self.job_id, sha256(data).hexdigest()), data)
