"""Request bodies of the two OpenAI protocols, as bytes that are ready to send.

Instructions and schema come first and the image last, so that the shared beginning can hit the provider's prompt cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from vision.provider.catalogue import Lane

PATHS = {"chat": "/chat/completions", "responses": "/responses"}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a model about some images. `name` names the schema: the preset, or `answer`."""

    prompt: str
    name: str
    schema: dict[str, Any] | None
    detail: str
    max_output_tokens: int


def build(lane: Lane, question: Question, images: Sequence[str]) -> tuple[str, bytes]:
    """Path and JSON body of a call; images are URLs or data URLs."""
    body = (_chat if lane.provider.api == "chat" else _responses)(lane.model, question, images)
    return PATHS[lane.provider.api], orjson.dumps(body)


def _chat(model: str, question: Question, images: Sequence[str]) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": question.detail}} for url in images]
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": question.prompt}, {"role": "user", "content": parts}],
        "max_completion_tokens": question.max_output_tokens,
    }
    if question.schema is not None:
        schema = {"name": question.name, "strict": True, "schema": question.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _responses(model: str, question: Question, images: Sequence[str]) -> dict[str, Any]:
    parts = [{"type": "input_image", "image_url": url, "detail": question.detail} for url in images]
    body: dict[str, Any] = {
        "model": model,
        "instructions": question.prompt,
        "input": [{"role": "user", "content": parts}],
        "max_output_tokens": question.max_output_tokens,
        "store": False,
    }
    if question.schema is not None:
        schema = {"type": "json_schema", "name": question.name, "strict": True, "schema": question.schema}
        body["text"] = {"format": schema}
    return body
