"""OpenAI's moderations: how likely an image is to show what a fixed list of categories names. Free; takes no prompt.

The wire format is that of the SDK's types (openai 3.54). One image a call: a second one gets a 400 `too_many_images`
(antiwork/gumroad 4709). Categories that only look at text read false and 0 for an image. Files up to 20 MB. How many of
a model's tokens a minute an image takes is not published; calls far above them are reported to have passed
(community.openai.com 1371064). Source: developers.openai.com/api/docs/guides/moderation, read 2026-11-26.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import orjson

from vision.kinds.dialect import PUBLISHED, Dialect
from vision.kinds.kind import Demand
from vision.kinds.question import Question
from vision.kinds.reading.answers import storable
from vision.kinds.reply import Ending, Failed, Reply


class Moderation:
    """`POST /moderations`. The answer is `{"flagged": …, "categories": {name: bool}, "scores": {name: 0 to 1}}`."""

    name = "moderation"
    path = "/moderations"
    prompted = False
    by_tokens = False
    most_images: int | None = 1
    settings: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    headers: Mapping[str, str] = MappingProxyType({})

    def demand(self, question: Question, image_tokens: int, images: int) -> Demand:
        """No tokens: only requests and images are limited."""
        return Demand(0, 0, images)

    def request(self, model: str, question: Question, images: Sequence[str], dialect: Dialect = PUBLISHED) -> bytes:
        """The image as the only input."""
        parts = [{"type": "image_url", "image_url": {"url": url}} for url in images]
        return orjson.dumps(dialect.body({"model": model, "input": parts}))

    def read(self, content: bytes) -> Reply:
        """The first result. It states no usage."""
        body = orjson.loads(content)
        if body.get("error"):
            raise Failed(body, charged=False)
        found = body["results"][0]
        flagged = found["flagged"]
        if not isinstance(flagged, bool):
            raise TypeError
        value = {
            "flagged": flagged,
            "categories": _known(found["categories"], bool),
            "scores": _known(found["category_scores"], int, float),
        }
        return Reply(Ending.ANSWERED, value=storable(value))

    def written(self, reply: Reply) -> int:
        """No text is written."""
        return 0

    def answer(self, reply: Reply, question: Question) -> object:
        """The value as read."""
        return reply.value


def _known(found: Mapping[str, object], *types: type) -> dict[str, object]:
    """Category → value, without categories that the model does not know (null)."""
    if wrong := [value for value in found.values() if value is not None and type(value) not in types]:
        raise TypeError(wrong)
    return {name: value for name, value in found.items() if value is not None}
