"""Request and answer of `POST /v1/responses`."""

import time
from collections.abc import Iterator
from typing import Any

from local import MODEL
from local.errors import WireError
from local.local_request import ImageRef, LocalRequest, image, parse_request, parts
from local.tasks import FINGERPRINT, Answer
from vision.jobs import ids


def read(body: dict[str, Any]) -> LocalRequest:
    """Parse a Responses request; WireError."""
    given = body.get("input")
    messages = [{"content": given}] if isinstance(given, str) else given
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise WireError("`input` must be a string or a list of objects.", "invalid_type", param="input")
    content = parts(body.get("instructions"), "instructions")
    content += [part for message in messages for part in parts(message.get("content"), "input")]
    text = body.get("text")
    wanted = text.get("format") if isinstance(text, dict) else None
    texts = (str(part.get("text", "")) for part in content if part.get("type") in ("text", "input_text"))
    return parse_request(body, wanted, texts, _images(content))


def _images(content: list[dict[str, Any]]) -> Iterator[ImageRef]:
    for part in content:
        if part.get("type") == "input_image":
            yield image(part.get("image_url"), part.get("detail"), "input")


def reply(answer: Answer) -> dict[str, Any]:
    """A `response` object; the Responses API reports no image tokens."""
    content = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    message = {"role": "assistant", "status": "completed", "content": [content]}
    return {
        "id": f"resp_{ids.new().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {"system_fingerprint": FINGERPRINT},
        "model": MODEL,
        "output": [{"type": "message", "id": f"msg_{ids.new().hex}", **message}],
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "usage": {
            "input_tokens": answer.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answer.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": answer.input_tokens + answer.output_tokens,
        },
    }
