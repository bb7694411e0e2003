"""Uploads pictures of this machine, several at a time, and puts their file ids into the job's lines."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from cli.sources.manifests import ManifestEntry
from cli.sources.paths import local_images

Upload = Callable[[Path], str]
AT_ONCE = 8
AHEAD = 64
"""Items whose uploads may be under way or done before their line is taken."""


def lines(entries: Iterable[ManifestEntry], upload: Upload) -> Iterator[bytes]:
    """Each entry as a JSON line, in order, its local pictures replaced by the ids of their uploads."""
    waiting: deque[tuple[dict[str, Any], dict[Path, Future[str]]]] = deque()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload") as pool:
        try:
            for entry in entries:
                pictures = local_images(entry.item)
                waiting.append((entry.item, {path: pool.submit(upload, path) for path in pictures}))
                if len(waiting) > AHEAD:
                    yield _line(*waiting.popleft())
            while waiting:
                yield _line(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _line(item: dict[str, Any], uploaded: dict[Path, Future[str]]) -> bytes:
    stored = {path: future.result() for path, future in uploaded.items()}
    return orjson.dumps(item, default=stored.__getitem__, option=orjson.OPT_APPEND_NEWLINE)
