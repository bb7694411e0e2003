"""Turns items as sent into database rows, in batches, with image tokens where no image need be read for them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from vision.errors import Detail, ImageError, InvalidRequest
from vision.intake.lines import NumberedItem, read
from vision.intake.plan import Plan
from vision.intake.problems import MAX_PROBLEMS, refuse, too_many_images
from vision.jobs import ids
from vision.jobs.manifest import ItemOrder
from vision.prices import Usage
from vision.provider.catalogue import Lane
from vision.tokens.savings import count_saving

BATCH_ROWS = 5_000
BATCH_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class ItemRows:
    """Rows for COPY; `first` is the line of the first one. `files`: upload → the line that names it."""

    first: int
    values: list[tuple[Any, ...]]
    files: dict[UUID, int]

    @property
    def images(self) -> Iterator[list[str]]:
        """The list of images of each row; a change of the list changes the row."""
        return (row[4] for row in self.values)


@dataclass
class ItemReader:
    """Reads a job's lines once. Wrong lines become problems; after the first one no more rows are made."""

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

    def batches(self, items: Iterator[NumberedItem]) -> Iterator[ItemRows]:
        """Batches of at most BATCH_ROWS rows or about BATCH_BYTES. Blocks: run it in a thread."""
        rows, size = ItemRows(1, [], {}), 0
        for item in items:
            self.total = item[0]
            size += self._read(item, rows)
            if len(self.problems) >= MAX_PROBLEMS:
                return
            if len(rows.values) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield rows
                rows, size = ItemRows(self.total + 1, [], {}), 0
        if rows.values:
            yield rows

    def raise_problems(self) -> None:
        """InvalidRequest with every problem found, if there is one; `empty_job` if there was no line."""
        refuse(self.problems, self.total)

    @property
    def known(self) -> Usage:
        """Tokens that all calls for the items measured so far will use."""
        return Usage(
            input_tokens=self.image_tokens + self.measured * self.plan.first.expected_prompt_tokens,
            output_tokens=self.measured * self.plan.first.expected_output_tokens,
            image_tokens=self.image_tokens,
        )

    def _read(self, item: NumberedItem, rows: ItemRows) -> int:
        """Add the item's row or problem; returns the bytes of its images."""
        try:
            order = read(item)
        except InvalidRequest as error:
            self.problems.extend(error.details)
            return 0
        if most := too_many_images(self.total, len(order.images), self._limited_lanes):
            self.problems.append(most)
        for source in order.images:
            if source.startswith("file_"):
                rows.files.setdefault(ids.parse("file", source), self.total)
        if not self.problems:
            rows.values.append(self._row(order))
        return sum(map(len, order.images))

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
        """Whether tokens follow from a declared size, and no worker will see the image before the call."""
        if not (self.plan.trusts_no_size and order.width and order.height and len(order.images) == 1):
            return False
        return order.images[0].startswith("http")

    def _tokens(self, order: ItemOrder) -> tuple[int, int] | None:
        """Image tokens of one call, and how many its fit saves; None if an image must be measured first."""
        if self._fixed is not None:
            return self._fixed * len(order.images), 0
        if len(order.images) > 1 or not order.width or not order.height:
            return None
        size = (order.width, order.height)
        if size not in self._sizes and len(self._sizes) < BATCH_ROWS:
            self._sizes[size] = self._count(*size)
        return self._sizes[size] if size in self._sizes else self._count(*size)

    def _count(self, width: int, height: int) -> tuple[int, int] | None:
        """None also if the provider would reject the size: then measuring decides, for this item alone."""
        try:
            step = self.plan.first
            return count_saving(step.rule, step.detail, step.fit, width, height)
        except ImageError:
            return None

    @cached_property
    def _limited_lanes(self) -> list[Lane]:
        return [step.lane for step in self.plan.steps if step.lane.kind.most_images is not None]

    @cached_property
    def _fixed(self) -> int | None:
        return self.plan.first.fixed_tokens
