"""What kinds of calls to language models have in common."""

from collections.abc import Mapping
from types import MappingProxyType

from vision.kinds.kind import Demand
from vision.kinds.question import Question
from vision.kinds.reply import Reply
from vision.tokens import text


class Prompted:
    """Prompt, schema and images in; text out, JSON where there is a schema. All of it costs tokens."""

    prompted = True
    by_tokens = True
    most_images: int | None = None
    headers: Mapping[str, str] = MappingProxyType({})

    def demand(self, question: Question, image_tokens: int, images: int) -> Demand:
        """Most: images, text and the longest answer. Likely: what 99 of 100 calls stay within."""
        ceiling = question.max_output_tokens
        most = image_tokens + question.text_tokens + ceiling
        output = ceiling if question.likely_output_tokens is None else min(ceiling, question.likely_output_tokens)
        return Demand(most, min(most, image_tokens + question.likely_text_tokens + output), images)

    def written(self, reply: Reply) -> int:
        """Tokens of the text."""
        return text.count(reply.text)

    def answer(self, reply: Reply, question: Question) -> object:
        """The parsed answer, or `{"text": …}` without a schema; ItemError `output_invalid`."""
        return question.answers.read(reply.text)
