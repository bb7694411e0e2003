"""A request in the same form for both APIs: task, schema and images."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local import MODEL
from local.errors import WireError
from local.tasks import NAMES

ABOUT = (
    f"{MODEL} is image classifiers and OCR behind the chat API, not a language model: it reads no prompt. "
    f"The name of the requested JSON schema tells it what to do; it serves {', '.join(NAMES)}."
)


@dataclass(frozen=True)
class ImageRef:
    """An image as the caller named it: an http(s) URL or a data URL."""

    source: str
    detail: str


@dataclass(frozen=True)
class LocalRequest:
    """A checked request; `text` only counts towards the usage."""

    task: str
    schema: dict[str, Any]
    text: str
    images: tuple[ImageRef, ...]


def parse_request(body: dict[str, Any], form: Any, texts: Iterable[str], images: Iterable[ImageRef]) -> LocalRequest:
    """Check what both APIs have in common; `form` holds the schema and its name."""
    if body.get("model") != MODEL:
        raise WireError(
            f"The model {str(body.get('model'))[:100]!r} does not exist here; this server offers {MODEL}.",
            "model_not_found",
            param="model",
            status=404,
        )
    if body.get("stream"):
        raise WireError(f"{MODEL} does not stream. Leave `stream` out.", "unsupported_value", param="stream")
    task, schema = _task(form)
    found = tuple(images)
    if not found:
        raise WireError(f"The request holds no image. {ABOUT}", "missing_image")
    return LocalRequest(task, schema, "\n".join(texts), found)


def _task(form: Any) -> tuple[str, dict[str, Any]]:
    name, schema = (form.get("name"), form.get("schema")) if isinstance(form, dict) else (None, None)
    if not isinstance(name, str) or name not in NAMES:
        problem = f"The schema {str(name)[:64]!r} is none of its tasks." if name else "No named schema was sent."
        raise WireError(f"{problem} {ABOUT}", "unsupported_task")
    if not isinstance(schema, dict):
        raise WireError(f"The schema {name!r} has no body: send the object to be filled in.", "invalid_schema")
    return name, schema


def parts(content: Any, param: str) -> list[dict[str, Any]]:
    """A message's content as a list of parts; a bare string is one text."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return content
    raise WireError("A message's content must be a string or a list of parts.", "invalid_type", param=param)


def image(url: Any, detail: Any, param: str) -> ImageRef:
    """An image part's address and detail."""
    if not isinstance(url, str) or not url.startswith(("http://", "https://", "data:")):
        raise WireError(
            "Expected an http(s) URL or a base64-encoded data URL with an image.", "invalid_image_url", param=param
        )
    return ImageRef(url, detail if isinstance(detail, str) else "auto")
