"""An item's images as they are sent: by URL, or fetched, prepared and put into data URLs."""

import asyncio
import base64
from dataclasses import dataclass
from functools import partial

from vision.images.prepare import Prepared, prepare, unchanged
from vision.storage.queue.leased_item import LeasedItem
from vision.storage.specs import JobSpec
from vision.tokens import NO_FIT, count_image, sent_size
from worker.dispatch.lane_context import LaneContext


@dataclass(frozen=True)
class Loaded:
    """URLs or data URLs, and what the images cost in tokens.

    `size`: width and height of the first image where other ones were declared. `sizes`: of all, if there are several.
    """

    urls: list[str]
    tokens: int
    size: tuple[int, int] | None = None
    sizes: tuple[tuple[int, int], ...] = ()


NOT_LOADED = Loaded([], 0)


class Stopped(Exception):
    """The item's job is stopped, or its lease is gone: give the item back."""


async def load(context: LaneContext, item: LeasedItem, spec: JobSpec) -> Loaded:
    """Inline, or by URL where the provider fetches http(s) itself; then the measured tokens are taken.

    ItemError if an image cannot be had; Stopped.
    """
    by_url = context.lane.provider.images == "url" and spec.fit == NO_FIT  # images that are shrunk are fetched here
    tokens = item.image_tokens
    if tokens is not None and by_url and all(source.startswith("http") for source in item.images):
        return Loaded(list(item.images), tokens)
    prepared = [await _prepared(context, item, spec, source) for source in item.images]
    sizes = [(image.width, image.height) for image in prepared]
    tokens = sum(count_image(context.lane.image_tokens, spec.detail, *size).tokens for size in sizes)
    sources = tuple(image.source_size for image in prepared)
    declared_wrong = item.width is not None and (item.width, item.height) != sources[0]
    return Loaded(
        [_data_url(image) for image in prepared],
        tokens,
        sources[0] if declared_wrong else None,
        sources if len(sources) > 1 else (),
    )


async def _prepared(context: LaneContext, item: LeasedItem, spec: JobSpec, source: str) -> Prepared:
    data = await context.images.load(source)
    target = None if spec.fit == NO_FIT else partial(sent_size, context.lane.image_tokens, spec.detail, spec.fit)
    loop = asyncio.get_running_loop()
    if ready := await loop.run_in_executor(context.threads, partial(unchanged, data, target=target)):
        return ready
    if not await context.marks.decoding(item):
        raise Stopped
    return await loop.run_in_executor(context.threads, partial(prepare, data, target=target))


def _data_url(image: Prepared) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"
