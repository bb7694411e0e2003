"""What is said of a call that is larger than a whole limit."""

import pytest

from vision.provider.limits import Limit
from vision.storage.specs import JobSpec
from vision.tokens import NO_FIT
from worker.dispatch.oversize import explain


def spec(output: int) -> JobSpec:
    question = {"preset": None, "prompt": "?", "schema": None, "detail": "high", "fit": NO_FIT, "prompt_tokens": 500}
    text = {"expected_prompt_tokens": 400, "capped": False}
    outputs = {"max_output_tokens": output, "expected_output_tokens": 60, "high_output_tokens": None}
    return JobSpec(id=None, tenant_id="default", step=1, lane="fake/m", **question, **text, **outputs)  # type: ignore[arg-type]


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
    assert said in explain("fake/m", limit.buckets, spec(output), images=images, image_tokens=image_tokens)
