"""OpenAI's responses. Nothing is stored at the provider. Instructions and schema come first, as for `chat`."""

from collections.abc import Sequence

import orjson

from vision.kinds.prompted import Prompted
from vision.kinds.question import Question
from vision.kinds.reply import Ending, Failed, Reply
from vision.kinds.usage import usage

_ENDINGS = {"max_output_tokens": Ending.OUTPUT_TRUNCATED, "content_filter": Ending.CONTENT_FILTERED}


class Responses(Prompted):
    """`POST /responses`."""

    name = "responses"
    path = "/responses"

    def request(self, model: str, question: Question, images: Sequence[str]) -> bytes:
        """The prompt as instructions, the images as input."""
        parts = [{"type": "input_image", "image_url": url, "detail": question.detail} for url in images]
        body: dict[str, object] = {
            "model": model,
            "instructions": question.prompt,
            "input": [{"role": "user", "content": parts}],
            "max_output_tokens": question.max_output_tokens,
            "store": False,
        }
        if question.schema is not None:
            schema = {"type": "json_schema", "name": question.name, "strict": True, "schema": question.schema_json}
            body["text"] = {"format": schema}
        return orjson.dumps(body)

    def read(self, content: bytes) -> Reply:
        """All text of all messages."""
        body = orjson.loads(content)
        reported = usage(body.get("usage"), "input_tokens", "output_tokens")
        if body.get("status") == "failed":
            raise Failed(body.get("error") or {}, charged=reported is not None)
        parts = [part for output in body["output"] if output.get("type") == "message" for part in output["content"]]
        for part in parts:
            if part["type"] == "refusal":
                return Reply(Ending.REFUSED, part["refusal"], reported)
        text = "".join(part["text"] for part in parts if part["type"] == "output_text")
        if body.get("status") == "incomplete":
            reason = (body.get("incomplete_details") or {}).get("reason") or ""
            return Reply(_ENDINGS.get(reason, Ending.OUTPUT_TRUNCATED), text, reported)
        if not parts:
            raise ValueError
        return Reply(Ending.ANSWERED, text, reported)
