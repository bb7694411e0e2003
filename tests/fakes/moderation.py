"""`/v1/moderations` of the fake provider: its input, and scores that follow from an image's name.

An image whose address names a category (`violence.jpg`, `sexual-1.png`) is flagged for it.
"""

from typing import Any
from zlib import crc32

from tests.fakes.calls import Call, Rejected
from tests.fakes.replies import Answer

MODELS = ("omni-moderation-latest", "omni-moderation-2024-09-26")
SEEN = ("self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "violence", "violence/graphic")
TEXT_ONLY = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening"),
    *("illicit", "illicit/violent", "sexual/minors"),
)


def read(call: Call, body: dict[str, Any]) -> None:
    """A list of parts (or a text) → the call's images and texts; Rejected."""
    given = body["input"]
    parts = given if isinstance(given, list) else [{"type": "text", "text": given}]
    for part in parts:
        if part["type"] == "text":
            call.texts.append(part["text"])
        elif part["type"] == "image_url":
            call.images.append((part["image_url"]["url"], "auto"))
        else:
            raise Rejected(400, f"Invalid value: {part['type']!r}.", "invalid_value", param="input")
    if (images := len(call.images)) > 1:
        message = f"Number of images ({images}) exceeds maximum of 1"
        raise Rejected(400, message, "too_many_images", param="input")


def write(call: Call, answer: Answer, request_id: str, now: int) -> dict[str, Any]:
    """A moderation object; `answer` and `now` play no part in it."""
    seen = {name: _score(call, name) for name in SEEN}
    scores = {**dict.fromkeys(TEXT_ONLY, 0.0), **seen}
    categories = {name: score > 0.5 for name, score in scores.items()}
    result = {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": {name: ["image"] if name in SEEN else [] for name in scores},
    }
    return {"id": f"modr-{request_id[4:]}", "model": "omni-moderation-2024-09-26", "results": [result]}


def _score(call: Call, category: str) -> float:
    """Deterministic: one image, one score."""
    name = call.sources.rpartition("/")[2]
    return 0.97 if category in name else crc32(f"{category} {name}".encode()) % 1_000 / 100_000
