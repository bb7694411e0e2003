"""OpenAI's chat completions, which most relays and local servers offer.

Instructions and schema come first and the images last, so that the shared beginning can hit the provider's prompt
cache.
"""

from collections.abc import Sequence

import orjson

from vision.kinds.prompted import Prompted
from vision.kinds.question import Question
from vision.kinds.reply import Ending, Reply
from vision.kinds.usage import usage

_ENDINGS = {"length": Ending.OUTPUT_TRUNCATED, "content_filter": Ending.CONTENT_FILTERED}


class Chat(Prompted):
    """`POST /chat/completions`."""

    name = "chat"
    path = "/chat/completions"

    def request(self, model: str, question: Question, images: Sequence[str]) -> bytes:
        """A system message with the prompt, a user message with the images."""
        parts = [{"type": "image_url", "image_url": {"url": url, "detail": question.detail}} for url in images]
        body: dict[str, object] = {
            "model": model,
            "messages": [{"role": "system", "content": question.prompt}, {"role": "user", "content": parts}],
            "max_completion_tokens": question.max_output_tokens,
        }
        if question.schema is not None:
            schema = {"name": question.name, "strict": True, "schema": question.schema_json}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return orjson.dumps(body)

    def read(self, content: bytes) -> Reply:
        """The first choice."""
        body = orjson.loads(content)
        choice = body["choices"][0]
        message = choice["message"]
        reported = usage(body.get("usage"), "prompt_tokens", "completion_tokens")
        if message.get("refusal"):
            return Reply(Ending.REFUSED, str(message["refusal"]), reported)
        ending = _ENDINGS.get(choice.get("finish_reason"), Ending.ANSWERED)
        text = message.get("content")
        if ending == Ending.ANSWERED and not isinstance(text, str):
            raise TypeError
        return Reply(ending, text or "", reported)
