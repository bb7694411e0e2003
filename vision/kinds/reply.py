"""Replies of every kind in one form. A refusal is a reply, not an exception."""

from collections.abc import Mapping
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
    scores.
    """

    ending: Ending
    text: str = ""
    usage: Usage | None = None
    value: object = None


class Failed(ProviderError):
    """The provider answered 200 and says in the body that the call failed. `charged`: it counts tokens all the same."""

    def __init__(self, error: Mapping[str, object], charged: bool) -> None:
        super().__init__(str(error.get("message") or "The provider's response failed."))
        self.error = error
        self.charged = charged
