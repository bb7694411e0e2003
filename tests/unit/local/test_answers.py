"""What findings mean for an answer; the models themselves are in the integration tests."""

import subprocess
import sys

import local
from local.models.layout import TextLine
from local.models.moderation import Judgement, Moderation
from local.models.ocr import Page, TextReader
from local.models.tagging import caption


def judge(*scores: float) -> dict[str, object]:
    moderation = Moderation.__new__(Moderation)  # without its network
    return moderation.answer([Judgement(score, f"Image {score}.") for score in scores])


def test_the_worst_image_decides() -> None:
    answer = judge(0.01, 0.93, 0.2)
    assert (answer["action"], answer["flagged"], answer["confidence"]) == ("reject", True, 0.93)
    assert answer["categories"] == {"sexual": 0.93, "nudity": 0.93}
    assert answer["alt_text"] == "Image 0.01. Image 0.93. Image 0.2."


def test_actions_follow_the_thresholds_of_the_preset() -> None:
    assert [judge(score)["action"] for score in (0.0, 0.39, 0.4, 0.79, 0.8)] == [
        "approve",
        "approve",
        "review",
        "review",
        "reject",
    ]


def test_a_moderation_says_what_was_not_checked() -> None:
    assert "violence" in str(judge(0.02)["rationale"])
    assert "not visible to this model" in str(judge(0.02)["rationale"])


def read(*pages: Page) -> dict[str, object]:
    return TextReader.__new__(TextReader).answer(pages)


def test_pages_follow_one_another() -> None:
    pages = [Page((TextLine(text, 0.9, 0, 10, 100, 20),), 0) for text in ("first page", "zweite Seite", "第三页")]
    assert read(*pages)["text"] == "first page\n\nzweite Seite\n\n第三页"
    assert read(*pages)["languages"] == ["zh", "und-Latn"]


def test_no_text_is_legible_and_illegible_text_is_not() -> None:
    assert read(Page((), 0)) == {"legible": True, "languages": [], "blocks": [], "text": "", "confidence": 1.0}
    assert (read(Page((), 2))["legible"], read(Page((), 2))["confidence"]) == (False, 0.0)


def test_captions() -> None:
    assert (
        caption([("espresso", 0.951), ("tea cup", 0.2), ("spoon", 0.1)]) == "Probably: espresso (0.95), tea cup (0.20)."
    )
    assert caption([]) == "No object was recognised with confidence."


def test_asking_whether_it_is_available_imports_nothing_heavy() -> None:
    code = "import sys, local; assert local.available(); assert not {'numpy', 'onnxruntime', 'cv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert local.missing() == ()
