"""What is said of a call that is larger than a whole limit."""

import pytest

from vision.kinds import KINDS, Question
from vision.provider.limits import Limit
from worker.dispatch.oversize import explain


@pytest.mark.parametrize(
    ("limit", "images", "image_tokens", "output", "said"),
    [
        (Limit(60, 10_000), 1, 9_000, 1_000, "allows 10,000 a minute. Images of 8,500 tokens would fit"),
        (Limit(60, 10_000), 1, 85, 20_000, "allows 10,000 a minute. It would fit with max_output_tokens of 9,415 or"),
        (Limit(60, 10_000), 1, 15_000, 20_000, "allows 10,000 a minute. Use smaller images and a smaller max_output"),
        (Limit(60, 90_000, tpd=9_000), 1, 9_000, 100, "allows 9,000 a day. Images of 8,400 tokens would fit"),
        (Limit(60, 90_000, ipm=4), 5, 425, 100, "The item has 5 images; fake/m allows 4 a minute. Give it 4 images"),
        (Limit(60, 90_000), 1, 85, 100, "Retry the item."),
    ],
)
def test_it_says_which_limit_and_what_would_fit(
    limit: Limit, images: int, image_tokens: int, output: int, said: str
) -> None:
    question = Question("?", "answer", None, "high", output, text_tokens=500, likely_text_tokens=400)
    demand = KINDS["chat"].demand(question, image_tokens, images)
    assert said in explain("fake/m", limit.buckets, demand, question, image_tokens)
