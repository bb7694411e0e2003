"""OpenAI's chat completions, which most relays and local servers offer.

Instructions and schema come first and the images last, so that the shared beginning can hit the provider's prompt
cache.
"""

from collections.abc import Mapping, Sequence

import orjson

from vision.kinds.dialect import FIELD, PUBLISHED, SENT, Dialect, in_words
from vision.kinds.prompted import Prompted
from vision.kinds.question import Question
from vision.kinds.reading.bodies import Body, read_body, text_of
from vision.kinds.reading.content_filter import categories
from vision.kinds.reading.usage import any_usage
from vision.kinds.reply import Ending, Failed, Reply

_ENDINGS = {
    "length": Ending.OUTPUT_TRUNCATED,
    "max_tokens": Ending.OUTPUT_TRUNCATED,
    "model_length": Ending.OUTPUT_TRUNCATED,
    "content_filter": Ending.CONTENT_FILTERED,
    "content_filtered": Ending.CONTENT_FILTERED,
    "safety": Ending.CONTENT_FILTERED,
    "prohibited_content": Ending.CONTENT_FILTERED,
    "sensitive": Ending.CONTENT_FILTERED,
    "refusal": Ending.REFUSED,
}
"""By `finish_reason` in lower case: OpenAI, Mistral (model_length), Google (SAFETY), Zhipu (sensitive), relays."""
_FAILED = frozenset(("error", "abort", "network_error", "insufficient_system_resource", "malformed_response"))
"""The provider broke off: OpenRouter, vLLM, Zhipu, DeepSeek."""


class Chat(Prompted):
    """`POST /chat/completions`."""

    name = "chat"
    path = "/chat/completions"
    settings: Mapping[str, tuple[str, ...]] = {
        "ceiling": ("max_completion_tokens", "max_tokens"),
        "structure": ("json_schema", "json_object", "prompt"),
        "instructions": ("system", "user"),
        "detail": FIELD,
        "strict": FIELD,
    }

    def request(self, model: str, question: Question, images: Sequence[str], dialect: Dialect = PUBLISHED) -> bytes:
        """A system message with the prompt, a user message with the images."""
        body: dict[str, object] = {
            "model": model,
            "messages": _messages(question, _images(question, images, dialect), dialect),
            dialect.ceiling: question.max_output_tokens,
        }
        if question.schema is not None and (structure := _structure(question, dialect)):
            body["response_format"] = structure
        return orjson.dumps(dialect.body(body))

    def read(self, content: bytes) -> Reply:
        """The first choice; Failed if the body, or the choice, says that the call failed."""
        body = read_body(content, "choices")
        reported = any_usage(body.usage)
        if error := _error(body):
            raise Failed(error, charged=reported is not None and bool(reported.input_tokens + reported.output_tokens))
        choice = body.fields["choices"][0]
        message = choice.get("message") or {}
        finish = str(choice.get("finish_reason") or "").lower()
        text, refusal = text_of(message, choice)
        if refusal:
            return Reply(Ending.REFUSED, refusal, reported)
        if body.broken_off and not finish:
            raise Failed({"message": "The provider broke its answer off."}, charged=True)
        ending = _ENDINGS.get(finish, Ending.ANSWERED)
        if ending == Ending.ANSWERED and text is None:
            raise TypeError
        named = categories(body.fields) if ending is Ending.CONTENT_FILTERED else ()
        return Reply(ending, text or "", reported, filtered=named)


def _messages(question: Question, parts: list[dict[str, object]], dialect: Dialect) -> list[dict[str, object]]:
    prompt = question.prompt
    if question.schema is not None and dialect.structure in {"json_object", "prompt"}:
        prompt = in_words(prompt, question.schema_text)
    if dialect.instructions == "user":
        return [{"role": "user", "content": [{"type": "text", "text": prompt}, *parts]}]
    return [{"role": dialect.instructions, "content": prompt}, {"role": "user", "content": parts}]


def _images(question: Question, images: Sequence[str], dialect: Dialect) -> list[dict[str, object]]:
    detail = {"detail": question.detail} if dialect.detail == SENT else {}
    return [{"type": "image_url", "image_url": {"url": url, **detail}} for url in images]


def _structure(question: Question, dialect: Dialect) -> dict[str, object] | None:
    if dialect.structure == "json_schema":
        strict = {"strict": True} if dialect.strict == SENT else {}
        return {"type": "json_schema", "json_schema": {"name": question.name, **strict, "schema": question.schema_json}}
    return {"type": "json_object"} if dialect.structure == "json_object" else None


def _error(body: Body) -> Mapping[str, object] | None:
    """What the body says of its failure; None if it is an answer."""
    if body.failed:
        return body.fields
    choice = body.fields["choices"][0]
    if choice.get("error") or str(choice.get("finish_reason") or "").lower() in _FAILED:
        return {"error": choice.get("error") or {"message": "The provider broke its answer off with an error."}}
    return None
