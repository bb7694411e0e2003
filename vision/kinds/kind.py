"""The interface of a kind of call; the rest of Tessera knows no wire format."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from vision.kinds.dialect import PUBLISHED, Dialect
from vision.kinds.question import Question
from vision.kinds.reply import Reply


class Demand(NamedTuple):
    """What a call takes from its limits: tokens at most, likely tokens, images."""

    most: int
    likely: int
    images: int = 1


class Kind(Protocol):
    """One kind of call. Stateless: one object serves every lane.

    `name`: as in providers.toml. `path`: below the provider's address. `headers`: of its calls. `prompted`: whether an
    order needs a preset or a prompt; otherwise it takes none. `by_tokens`: calls take and cost tokens. `most_images` of
    one call, if fewer than an item may have. `settings`: what of its dialect can be learned from refusals, with the
    values in the order in which they are tried.
    """

    name: str
    path: str
    headers: Mapping[str, str]
    prompted: bool
    by_tokens: bool
    most_images: int | None
    settings: Mapping[str, tuple[str, ...]]

    def demand(self, question: Question, image_tokens: int, images: int) -> Demand:
        """What one call takes of its lane's limits; `image_tokens`: of all its images together."""

    def request(self, model: str, question: Question, images: Sequence[str], dialect: Dialect = PUBLISHED) -> bytes:
        """The JSON body to send; images are URLs or data URLs."""

    def read(self, content: bytes) -> Reply:
        """Read a body of status 2xx.

        Failed if it says that the call failed; LookupError, TypeError, AttributeError or ValueError if it has not the
        form of this kind.
        """

    def written(self, reply: Reply) -> int:
        """Output tokens by our own count, for replies whose reported usage is not reliable."""

    def answer(self, reply: Reply, question: Question) -> object:
        """The answer in a reply, as JSON to store; ItemError `output_invalid`."""
