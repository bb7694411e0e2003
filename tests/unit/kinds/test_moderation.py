"""The kind `moderation`: what is sent, what is read, and that nothing is charged."""

from typing import Any, get_args, get_type_hints

import orjson
import pytest
from openai.types import ModerationCreateResponse, moderation_image_url_input_param

from vision.kinds import KINDS, Ending, Question
from vision.presets import NO_QUESTION
from vision.provider import call_result
from vision.provider.call_result import Response

MODERATION = KINDS["moderation"]
QUESTION = Question(NO_QUESTION.prompt, "answer", None, "auto", 0)
CATEGORIES = {
    "harassment": False, "harassment/threatening": False, "hate": False, "hate/threatening": False,
    "illicit": False, "illicit/violent": False, "self-harm": False, "self-harm/instructions": False,
    "self-harm/intent": False, "sexual": False, "sexual/minors": False, "violence": True, "violence/graphic": False,
}  # fmt: skip
SCORES = dict.fromkeys(CATEGORIES, 0.0) | {"violence": 0.8599, "sexual": 2.34e-07}


def body(**changes: Any) -> bytes:
    applied = {name: ["image"] if name in ("violence", "sexual") else [] for name in CATEGORIES}
    result = {
        "flagged": True, "categories": CATEGORIES, "category_scores": SCORES, "category_applied_input_types": applied,
    }  # fmt: skip
    return orjson.dumps({"id": "modr-1", "model": "omni-moderation-latest", "results": [{**result, **changes}]})


def test_the_image_is_sent_in_the_shape_of_the_sdks_types() -> None:
    sent = orjson.loads(MODERATION.request("omni-moderation-latest", QUESTION, ["https://a.example/b.jpg"]))
    part = {"type": "image_url", "image_url": {"url": "https://a.example/b.jpg"}}
    assert sent == {"model": "omni-moderation-latest", "input": [part]}
    shape = get_type_hints(moderation_image_url_input_param.ModerationImageURLInputParam)
    assert part.keys() == shape.keys()
    assert get_args(shape["type"]) == ("image_url",)


def test_categories_and_scores_are_the_answer() -> None:
    ModerationCreateResponse.model_validate_json(body())
    reply = MODERATION.read(body())
    assert (reply.ending, reply.text, reply.usage) == (Ending.ANSWERED, "", None)
    assert MODERATION.answer(reply, QUESTION) == {"flagged": True, "categories": CATEGORIES, "scores": SCORES}
    assert MODERATION.written(reply) == 0


def test_what_a_model_does_not_know_is_left_out() -> None:
    reply = MODERATION.read(body(categories={"hate": False, "illicit": None}, category_scores={"hate": 1}))
    assert reply.value == {"flagged": True, "categories": {"hate": False}, "scores": {"hate": 1}}


def test_what_cannot_be_stored_is_replaced() -> None:
    assert MODERATION.read(body(categories={"a\0b": True})).value["categories"] == {"a\ufffdb": True}


def test_calls_take_requests_and_images_but_no_tokens() -> None:
    assert MODERATION.demand(QUESTION, 0, 1) == (0, 0, 1)
    assert not MODERATION.by_tokens


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"results":[]}',
        b'{"results":[null]}',
        body(flagged="yes"),
        body(categories=[]),
        body(categories={"hate": 1}),
        body(category_scores={"hate": True}),
        body(category_scores={"hate": "0.5"}),
        body()[:-5],
    ],
)
def test_a_body_of_another_shape_is_the_providers_error(content: bytes) -> None:
    failure = call_result.read(MODERATION, Response(200, {}, content)).failure
    assert failure
    assert failure.code == "upstream_invalid_response"
