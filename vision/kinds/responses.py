"""OpenAI's responses. Nothing is stored at the provider. Instructions and schema come first, as for `chat`."""

from collections.abc import Mapping, Sequence

import orjson

from vision.kinds.dialect import FIELD, PUBLISHED, SENT, Dialect, in_words
from vision.kinds.prompted import Prompted
from vision.kinds.question import Question
from vision.kinds.reading.bodies import read_body
from vision.kinds.reading.content_filter import categories
from vision.kinds.reading.usage import any_usage
from vision.kinds.reply import Ending, Failed, Reply

_ENDINGS = {"max_output_tokens": Ending.OUTPUT_TRUNCATED, "content_filter": Ending.CONTENT_FILTERED}


class Responses(Prompted):
    """`POST /responses`."""

    name = "responses"
    path = "/responses"
    settings: Mapping[str, tuple[str, ...]] = {
        "structure": ("json_schema", "json_object", "prompt"),
        "instructions": ("system", "user"),
        "detail": FIELD,
        "strict": FIELD,
        "store": FIELD,
    }

    def request(self, model: str, question: Question, images: Sequence[str], dialect: Dialect = PUBLISHED) -> bytes:
        """The prompt as instructions, the images as input."""
        detail = {"detail": question.detail} if dialect.detail == SENT else {}
        parts: list[dict[str, object]] = [{"type": "input_image", "image_url": url, **detail} for url in images]
        prompt = question.prompt
        if question.schema is not None and dialect.structure in {"json_object", "prompt"}:
            prompt = in_words(prompt, question.schema_text)
        body: dict[str, object] = {"model": model}
        if dialect.instructions == "system":
            body["instructions"] = prompt
        elif dialect.instructions == "user":
            parts.insert(0, {"type": "input_text", "text": prompt})
        messages: list[dict[str, object]] = [{"role": "user", "content": parts}]
        if dialect.instructions == "developer":
            messages.insert(0, {"role": "developer", "content": prompt})
        body |= {"input": messages, "max_output_tokens": question.max_output_tokens}
        if dialect.store == SENT:
            body["store"] = False
        if question.schema is not None and (structure := _structure(question, dialect)):
            body["text"] = {"format": structure}
        return orjson.dumps(dialect.body(body))

    def read(self, content: bytes) -> Reply:
        """All text of all messages."""
        found = read_body(content, "output")
        body = found.fields
        reported = any_usage(body.get("usage"))
        if found.failed or body.get("status") == "failed":
            raise Failed(body if found.failed else {"error": body.get("error") or {}}, charged=reported is not None)
        parts = [part for output in body["output"] if output.get("type") == "message" for part in output["content"]]
        for part in parts:
            if part["type"] == "refusal":
                return Reply(Ending.REFUSED, part["refusal"], reported)
        text = "".join(part["text"] for part in parts if part["type"] == "output_text")
        if body.get("status") == "incomplete":
            reason = (body.get("incomplete_details") or {}).get("reason") or ""
            return Reply(_ENDINGS.get(reason, Ending.OUTPUT_TRUNCATED), text, reported, filtered=categories(body))
        if not parts:
            raise ValueError
        return Reply(Ending.ANSWERED, text, reported)


def _structure(question: Question, dialect: Dialect) -> dict[str, object] | None:
    if dialect.structure == "json_schema":
        strict = {"strict": True} if dialect.strict == SENT else {}
        return {"type": "json_schema", "name": question.name, **strict, "schema": question.schema_json}
    return {"type": "json_object"} if dialect.structure == "json_object" else None
