"""Entries → rows of items, in batches, with image tokens where they are known before any image is read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from vision.errors import Detail, ImageError, InvalidRequest
from vision.intake.lines import NumberedItem, read
from vision.intake.order import Plan
from vision.intake.problems import MAX_PROBLEMS, refuse
from vision.jobs import ids
from vision.jobs.manifest import ItemOrder
from vision.prices import Usage
from vision.provider.catalogue import Lane
from vision.tokens.savings import count_saving

BATCH_ROWS = 5_000
BATCH_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class Batch:
    """Rows for COPY; `first` is the line of the first one. `files`: uploads they name, and the line that does."""

    first: int
    rows: list[tuple[Any, ...]]
    files: dict[UUID, int]

    @property
    def images(self) -> Iterator[list[str]]:
        """Of each row; changing one changes the row."""
        return (row[4] for row in self.rows)


@dataclass
class ItemReader:
    """One pass over a job's lines. Wrong lines become problems; after the first one no rows come out any more."""

    tenant: str
    job_id: UUID
    plan: Plan
    total: int = 0
    measured: int = 0
    image_tokens: int = 0
    saved_tokens: int = 0
    unseen: int = 0
    problems: list[Detail] = field(default_factory=list)
    _sizes: dict[tuple[int, int], tuple[int, int] | None] = field(default_factory=dict)

    def batches(self, entries: Iterator[NumberedItem]) -> Iterator[Batch]:
        """Batches of at most BATCH_ROWS rows or about BATCH_BYTES. Blocks: to be run in a thread."""
        batch, size = Batch(1, [], {}), 0
        for entry in entries:
            self.total = entry[0]
            size += self._read(entry, batch)
            if len(self.problems) >= MAX_PROBLEMS:
                return
            if len(batch.rows) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield batch
                batch, size = Batch(self.total + 1, [], {}), 0
        if batch.rows:
            yield batch

    def raise_problems(self) -> None:
        """InvalidRequest with every problem found, if there is one; `empty_job` if there was no line."""
        refuse(self.problems, self.total)

    @property
    def known(self) -> Usage:
        """What the items measured so far will use, all calls together."""
        return Usage(
            input_tokens=self.image_tokens + self.measured * self.plan.first.expected_prompt_tokens,
            output_tokens=self.measured * self.plan.first.expected_output_tokens,
            image_tokens=self.image_tokens,
        )

    def _read(self, entry: NumberedItem, batch: Batch) -> int:
        """Bytes that the entry's images take up."""
        try:
            order = read(entry)
        except InvalidRequest as error:
            self.problems.extend(error.details)
            return 0
        if most := self._too_many(order):
            self.problems.append(most)
        for source in order.images:
            if source.startswith("file_"):
                batch.files.setdefault(ids.parse("file", source), self.total)
        if not self.problems:
            batch.rows.append(self._row(order))
        return sum(map(len, order.images))

    def _too_many(self, order: ItemOrder) -> Detail | None:
        images = len(order.images)
        lane = next((lane for lane in self._choosy if images > (lane.kind.most_images or images)), None)
        if lane is None:
            return None
        takes = f"{lane.name} takes {lane.kind.most_images} in a call"
        message = f"Line {self.total}: the item has {images} images; {takes}. Make an item of each image."
        return Detail("too_many_images", message, line=self.total)

    def _row(self, order: ItemOrder) -> tuple[Any, ...]:
        """In the order of admission.ITEM_COLUMNS."""
        counted = self._tokens(order)
        tokens, saved = counted or (None, 0)
        if tokens is not None:
            self.measured += 1
            self.image_tokens += tokens
            self.saved_tokens += saved
        images, size = order.images, (order.width, order.height)
        unseen = self._is_unseen(order)
        self.unseen += unseen
        return (
            *(self.job_id, self.total, self.tenant, order.custom_id, images),
            *(order.metadata or None, *size, tokens, unseen),
        )

    def _is_unseen(self, order: ItemOrder) -> bool:
        """Whether tokens rest on a size that was declared, and nobody here will see the image before it is sent."""
        if not (self.plan.trusts_no_size and order.width and order.height and len(order.images) == 1):
            return False
        return order.images[0].startswith("http")

    def _tokens(self, order: ItemOrder) -> tuple[int, int] | None:
        """Image tokens of one call, and how many its fit saves; None when an image has to be measured first."""
        if self._fixed is not None:
            return self._fixed * len(order.images), 0
        if len(order.images) > 1 or not order.width or not order.height:
            return None
        size = (order.width, order.height)
        if size not in self._sizes and len(self._sizes) < BATCH_ROWS:
            self._sizes[size] = self._count(*size)
        return self._sizes[size] if size in self._sizes else self._count(*size)

    def _count(self, width: int, height: int) -> tuple[int, int] | None:
        """None also when the provider would reject the size: measuring settles that, for this item alone."""
        try:
            step = self.plan.first
            return count_saving(step.rule, step.detail, step.fit, width, height)
        except ImageError:
            return None

    @cached_property
    def _choosy(self) -> list[Lane]:
        """The lanes that take fewer images in a call than an item may have."""
        return [step.lane for step in self.plan.steps if step.lane.kind.most_images is not None]

    @cached_property
    def _fixed(self) -> int | None:
        return self.plan.first.fixed_tokens
