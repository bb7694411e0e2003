"""A failed call and its consequence."""

from dataclasses import dataclass
from enum import StrEnum


class Then(StrEnum):
    """The consequence of a failed call."""

    PACE = "pace"
    DOWN = "down"
    LATER = "later"
    NEVER = "never"
    UNCLEAR = "unclear"
    PAUSE = "pause"


class Trouble(StrEnum):
    """How a call failed, if the lane may be the cause."""

    UNREACHED = "unreached"  # no connection was made
    GATEWAY = "gateway"  # a gateway says that there is no server
    FAILED = "failed"  # an error, no answer in time, half an answer, or one that is not of the protocol


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call.

    `unknown_cost`: its end is not known, so it may have been charged for. `unsent`: it never reached the provider.
    """

    then: Then
    code: str
    message: str
    retry_after: float | None = None
    status: int | None = None
    request_id: str | None = None
    unknown_cost: bool = False
    unsent: bool = False

    @property
    def trouble(self) -> Trouble | None:
        """What this may mean for the lane; None if the provider has dealt with the call."""
        if self.unsent:
            return Trouble.UNREACHED
        if self.then is Then.DOWN:
            return Trouble.GATEWAY
        return Trouble.FAILED if self.then is Then.LATER and self.code.startswith("upstream") else None
