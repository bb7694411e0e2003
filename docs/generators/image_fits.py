"""What `fit` saves: tables of docs/image-tokens.md."""

import numpy as np

from generators.words import table
from vision.tokens.fit import NO_FIT, Fit, count_sent, sent_size
from vision.tokens.many import count_many

MODELS = (
    ("gpt-5.4-mini", "high"),
    ("gpt-4.1-mini", "high"),
    ("gpt-4o", "high"),
    ("gpt-4o-mini", "high"),
    ("claude-sonnet-5", "high"),
)
SNAPPED = ((1025, 1025), (800, 600), (1000, 1000), (1100, 760), (1920, 1080), (1024, 1024))
PHOTOGRAPH = (4032, 3024)
SIDES = (2048, 1536, 1024, 768)
STEP = 13
SNAP = Fit("snap")


def snap() -> str:
    """Single sizes, and the mean over all sizes of everyday images."""
    rows = [
        (f"{width}x{height}", *(_change(*model, SNAP, width, height) for model in MODELS)) for width, height in SNAPPED
    ]
    means = ("all sizes", *(_mean(*model) for model in MODELS))
    every = (
        f"All sizes: both sides from 200 to 2,048 pixels in steps of {STEP}; what `snap` saves of all their tokens.\n"
    )
    return table(("`snap`", *_heads()), [*rows, means], numbers_from=1) + "\n" + every


def largest() -> str:
    """A photograph of 12 megapixels at several sizes."""
    rows = [
        (
            f"{side}",
            *(_change(*model, Fit("max", side), *PHOTOGRAPH) for model in (*MODELS, ("gpt-5.6-luna", "original"))),
        )
        for side in SIDES
    ]
    head = f"`max`, {PHOTOGRAPH[0]}x{PHOTOGRAPH[1]}: `max_side`"
    return table((head, *_heads(), "gpt-5.6-luna `original`"), rows, numbers_from=1)


def _change(model: str, detail: str, fit: Fit, width: int, height: int) -> str:
    before = count_sent(model, detail, NO_FIT, width, height).tokens
    after = count_sent(model, detail, fit, width, height).tokens
    if after == before:
        return f"{before:,}"
    size = sent_size(model, detail, fit, width, height)
    sent = f" as {size[0]}x{size[1]}" if fit.kind == "snap" else ""
    return f"{before:,} → {after:,}{sent}"


def _mean(model: str, detail: str) -> str:
    side = np.arange(200, 2049, STEP)
    widths, heights = (grid.ravel() for grid in np.meshgrid(side, side))
    before, after = (count_many(model, detail, widths, heights, fit).sum() for fit in (NO_FIT, SNAP))
    return f"{100 * (after - before) / before:.1f} %"


def _heads() -> list[str]:
    return [f"{model} `{detail}`" for model, detail in MODELS]
