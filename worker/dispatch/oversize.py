"""What to say of a call that is larger than a whole limit of its lane, and so can never start."""

from collections.abc import Sequence

from vision.kinds import Demand, Question
from vision.provider.limits import DAY, MINUTE, Amounts, Bucket

PERIODS = {MINUTE: "a minute", DAY: "a day"}


def explain(lane: str, limits: Sequence[Bucket], demand: Demand, question: Question, image_tokens: int) -> str:
    """The limit that is passed, and what would fit it. `limits`: those in force."""
    tokens, images = demand.most, demand.images
    takes = Amounts(tokens, 1, images)
    passed = min(
        (each for each in limits if takes.of(each.kind) > each.limit), key=lambda each: each.limit, default=None
    )
    if passed is None:
        return f"The call needs {tokens:,} tokens, more than {lane} allowed just then. Retry the item."
    allowed = f"{lane} allows {passed.limit:,} {PERIODS[passed.window]}"
    if passed.kind == "images":
        return f"The item has {images:,} images; {allowed}. Give it {passed.limit:,} images at most."
    text, ceiling = question.text_tokens, question.max_output_tokens
    split = f"The call needs {tokens:,} tokens ({image_tokens:,} images, {text:,} text, {ceiling:,} output)"
    if (left := passed.limit - text - ceiling) > 0:
        return f"{split}; {allowed}. Images of {left:,} tokens would fit: use a lower detail, smaller or fewer images."
    if (left := passed.limit - text - image_tokens) > 0:
        return f"{split}; {allowed}. It would fit with max_output_tokens of {left:,} or less."
    return f"{split}; {allowed}. Use smaller images and a smaller max_output_tokens."
