"""Replies of every kind in one form. A refusal is a reply, not an exception."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vision.errors import ProviderError
from vision.prices import Usage


class Ending(StrEnum):
    """How the model stopped; the values are the item error codes, save `answered`."""

    ANSWERED = "answered"
    REFUSED = "refused"
    CONTENT_FILTERED = "content_filtered"
    OUTPUT_TRUNCATED = "output_truncated"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; usage is None if the provider did not state it.

    `text`: what the model said, or its refusal's words. `value`: a result that is not text, as JSON, such as
    scores. `filtered`: the categories of a content filter that stopped the answer.
    """

    ending: Ending
    text: str = ""
    usage: Usage | None = None
    value: object = None
    filtered: Sequence[str] = ()


class Failed(ProviderError):
    """The provider answered 200 and says in the body that the call failed. `charged`: it counts tokens all the same."""

    def __init__(self, error: Mapping[str, object], charged: bool) -> None:
        super().__init__("The provider's response failed.")
        self.error = error
        self.charged = charged
