"""What a call takes out of its lane's bucket before it is made."""

from pathlib import Path

import pytest

from vision.provider.catalogue import load
from vision.provider.lane import Lane
from vision.storage.specs import JobSpec
from vision.tokens import NO_FIT
from worker.call import _reserve

IMAGE, TEXT, MOST = 765, 500, 1_000


def lane(folder: Path, charges: str) -> Lane:
    path = folder / "providers.toml"
    path.write_text(
        '[[provider]]\nname = "fake"\nbase_url = "http://127.0.0.1:9/v1"\n'
        f'[provider.models."gpt-4o"]\nrpm = 60\ntpm = 60_000\n{charges}\n'
    )
    return load(path).lane("fake/gpt-4o")


def spec(high: int | None) -> JobSpec:
    question = {"preset": None, "prompt": "?", "schema": None, "detail": "high", "fit": NO_FIT, "prompt_tokens": TEXT}
    outputs = {"max_output_tokens": MOST, "expected_output_tokens": 60, "high_output_tokens": high}
    return JobSpec(id=None, tenant_id="default", lane="fake/gpt-4o", **question, **outputs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("charges", "high", "output"),
    [
        ("", 90, MOST),
        ('charges = "most"', 90, MOST),
        ('charges = "used"', 90, 90),
        ('charges = "used"', None, MOST),
        ('charges = "used"', 5_000, MOST),
    ],
)
def test_a_call_reserves_what_its_lane_is_charged(tmp_path: Path, charges: str, high: int | None, output: int) -> None:
    assert _reserve(lane(tmp_path, charges), spec(high), IMAGE) == IMAGE + TEXT + output
