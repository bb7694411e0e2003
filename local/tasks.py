"""The tasks of the offline provider; an answer is made from pixels, findings, and the caller's schema."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Protocol

import orjson
from PIL import Image

from local.forms import fill
from local.pictures import decode, from_data_url
from vision.tokens import count_image
from vision.tokens.text import call_tokens, count

FINGERPRINT = "classifiers-and-ocr-not-a-language-model-1"
IMAGE_TOKENS = "openai:gpt-4o"
"""Tokens are counted by this published rule, so that limits and estimates can be tried without a key."""

# Imported at their first use: what OCR needs takes a second to import.
NAMES = {
    "moderation": "local.models.moderation:Moderation",
    "ocr": "local.models.ocr:TextReader",
    "product_tagging": "local.models.tagging:Tagging",
}


class Task(Protocol):
    """A model that looks at images and makes an answer; called from several threads at once."""

    side: int
    """Pixels a side that the model sees."""

    def look(self, image: Image.Image, /) -> Any: ...

    def answer(self, seen: Sequence[Any], /) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Answer:
    """JSON text and its usage in tokens; `image_tokens` are part of `input_tokens`."""

    text: str
    input_tokens: int
    output_tokens: int
    image_tokens: int


class Tasks:
    """All tasks; each is created once, at its first use."""

    def __init__(self, makers: Mapping[str, Callable[[], Task]] | None = None) -> None:
        self._makers = makers or {name: _maker(path) for name, path in NAMES.items()}
        self._made: dict[str, Task] = {}
        self._locks = {name: threading.Lock() for name in self._makers}

    def __getitem__(self, name: str) -> Task:
        with self._locks[name]:
            if name not in self._made:
                self._made[name] = self._makers[name]()
            return self._made[name]


def _maker(path: str) -> Callable[[], Task]:
    return lambda: resolve_name(path)()  # noqa: PLW0108 - resolving it imports the model


def work(task: Task, schema: dict[str, Any], text: str, images: Sequence[tuple[str | bytes, str]]) -> Answer:
    """Look at each image (data URL or bytes, and detail), one at a time in memory; WireError, TesseraError."""
    image_tokens, seen = 0, []
    for source, detail in images:
        picture = decode(from_data_url(source) if isinstance(source, str) else source, task.side)
        image_tokens += count_image(IMAGE_TOKENS, detail, picture.width, picture.height).tokens
        seen.append(task.look(picture.pixels))
    filled = orjson.dumps(fill(schema, task.answer(seen))).decode()
    return Answer(filled, call_tokens(text, schema) + image_tokens, count(filled), image_tokens)
