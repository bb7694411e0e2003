"""What the rest of Tessera needs to know of a kind of call; it knows no wire format."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from vision.kinds.question import Question
from vision.kinds.reply import Reply


class Demand(NamedTuple):
    """What a call takes: tokens at most, tokens that it is likely to take, images."""

    most: int
    likely: int
    images: int = 1


class Kind(Protocol):
    """One kind of call. Stateless: one object serves every lane.

    `name`: as providers.toml says it. `path`: below the provider's address. `prompted`: it is asked a question, so that
    an order needs a preset or a prompt; otherwise it takes none. `by_tokens`: calls take and cost tokens.
    `most_images`: in one call, if there is a limit below that of an item.
    """

    name: str
    path: str
    prompted: bool
    by_tokens: bool
    most_images: int | None

    def demand(self, question: Question, image_tokens: int, images: int) -> Demand:
        """What one call takes of its lane's limits; `image_tokens`: of all its images together."""

    def request(self, model: str, question: Question, images: Sequence[str]) -> bytes:
        """The JSON body to send; images are URLs or data URLs."""

    def read(self, content: bytes) -> Reply:
        """The body that came with status 2xx.

        Failed if it says that the call failed; LookupError, TypeError, AttributeError or ValueError if it is not of
        the shape that this kind has.
        """

    def written(self, reply: Reply) -> int:
        """Output tokens to charge for by our own count, where the provider's cannot be relied on."""

    def answer(self, reply: Reply, question: Question) -> Any:
        """What an answered call's reply says, as JSON to be stored; ItemError `output_invalid`."""
