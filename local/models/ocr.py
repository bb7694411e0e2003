"""The text of an image, with its layout: RapidOCR with PP-OCRv6 (Apache-2.0)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rapidocr
from PIL import Image

from local.models.layout import TextLine, blocks

_LEGIBLE = 0.6  # below this score a line is wrong more often than right …
_CERTAIN = 0.9  # … and a single character, which any round shape resembles, below this one
_SMALL = 512  # pictures with a shorter longest side are doubled: text 12 pixels high reads badly
_LONGEST = 960  # pixels at which text is looked for; it is read from up to 2,000
_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}


@dataclass(frozen=True)
class Page:
    """One image: the lines that can be read, and how many more look like text."""

    lines: tuple[TextLine, ...]
    illegible: int


class TextReader:
    """`ocr`: several images are consecutive pages."""

    side = 2000

    def __init__(self) -> None:
        folder = Path(rapidocr.__file__).parent / "models"
        self._engine = rapidocr.RapidOCR(
            params={
                # Without paths the package would download its models.
                **{f"{part}.model_path": str(folder / name) for part, name in _MODELS.items()},
                "Global.log_level": "error",
                "Global.text_score": 0.0,
                "Det.limit_type": "max",
                "Det.limit_side_len": _LONGEST,
                "Rec.rec_batch_num": 1,  # a batch is as wide as its widest line: slower, and six times the memory
                # One thread a page, as several pages are read at once.
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def look(self, image: Image.Image) -> Page:
        if max(image.size) < _SMALL:
            image = image.resize((image.width * 2, image.height * 2), Image.Resampling.LANCZOS)
        found: Any = self._engine(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]))
        if found.txts is None:
            return Page((), 0)
        rows = zip(found.boxes, found.txts, found.scores, strict=True)
        lines = [_line(corners, text, score) for corners, text, score in rows if text.strip()]
        legible = tuple(line for line in lines if line.score >= (_LEGIBLE if len(line.text) > 1 else _CERTAIN))
        return Page(legible, sum(line.score < _LEGIBLE and len(line.text) > 2 for line in lines))

    def answer(self, seen: Sequence[Page]) -> dict[str, Any]:
        found = [block for page in seen for block in blocks(page.lines)]
        text = "\n\n".join(f"# {block.text}" if block.kind == "heading" else block.text for block in found)
        lines = [line for page in seen for line in page.lines]
        legible = bool(lines) or not any(page.illegible for page in seen)
        return {
            "legible": legible,
            "languages": _languages(text),
            "blocks": [{"kind": block.kind, "text": block.text} for block in found],
            "text": text,
            "confidence": _confidence(lines) if legible else 0.0,
        }


def _line(corners: Any, text: str, score: float) -> TextLine:
    (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
    # A slanted line's own height, not that of the upright box around it.
    height = float(np.linalg.norm(corners[3] - corners[0]))
    return TextLine(text.strip(), round(float(score), 4), float(left), float(top + bottom) / 2, float(right), height)


def _confidence(lines: Sequence[TextLine]) -> float:
    """The lines' scores weighted by their length; 1 without text."""
    characters = sum(len(line.text) for line in lines)
    return round(sum(line.score * len(line.text) for line in lines) / characters, 4) if lines else 1.0


def _languages(text: str) -> list[str]:
    """Languages by the script alone, as BCP 47: kana is Japanese, Han without it Chinese, Latin undetermined."""
    if any("\u3040" <= char <= "\u30ff" for char in text):
        return ["ja"]
    found = ["zh"] if any("\u4e00" <= char <= "\u9fff" for char in text) else []
    latin = any(char.isalpha() and char < "\u0250" for char in text)
    return found + (["und-Latn"] if latin else [])
