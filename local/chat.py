"""Request and answer of `POST /v1/chat/completions`."""

import time
from collections.abc import Iterator
from typing import Any

from local import MODEL
from local.errors import WireError
from local.local_request import ImageRef, LocalRequest, image, parse_request, parts
from local.tasks import FINGERPRINT, Answer
from vision.jobs import ids


def read(body: dict[str, Any]) -> LocalRequest:
    """Parse a chat request; WireError."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise WireError("`messages` must be a list of objects.", "invalid_type", param="messages")
    content = [part for message in messages for part in parts(message.get("content"), "messages")]
    form = body.get("response_format")
    wanted = form.get("json_schema") if isinstance(form, dict) else None
    texts = (str(part.get("text", "")) for part in content if part.get("type") == "text")
    return parse_request(body, wanted, texts, _images(content))


def _images(content: list[dict[str, Any]]) -> Iterator[ImageRef]:
    for part in content:
        if part.get("type") == "image_url":
            address = part.get("image_url")
            found = address if isinstance(address, dict) else {}
            yield image(found.get("url"), found.get("detail"), "messages")


def reply(answer: Answer) -> dict[str, Any]:
    """A `chat.completion` object."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    return {
        "id": f"chatcmpl-{ids.new().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "image_tokens": answer.image_tokens},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }
