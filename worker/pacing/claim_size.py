"""How many items to claim next: enough to keep the lane full, few enough that the order of jobs stays up to date.

How many calls are in flight follows, by Little's law: those that start in the next 0.8 seconds, and those that have
started and not ended, which are as many as the lane's rate times the provider's latency.
"""

HORIZON_SECONDS = 0.8
"""How far ahead of the lane's refill items are claimed, at most."""
LOW_SECONDS = 0.4
"""Claim again when claimed items reach no further than this: a few claims a second at any rate."""
SOON_SECONDS = 0.1
"""Least time between claims of only a few items."""
FIRST, LARGEST = 8, 128
FEWEST = 64
"""Calls that may always be in flight, however long they take."""


class ClaimSize:
    """The size of claims, of one lane in one process. Times are the event loop's."""

    def __init__(self, most: int, deadline_seconds: float) -> None:
        self._most = most
        self._long_seconds = deadline_seconds / 2
        self._too_many = 0
        self._size = FIRST
        self._claimed_at = float("inf")  # never

    def wants(self, now: float, *, horizon: float, admits: int, loading: int, leased: int, lanes: int = 1) -> int:
        """How many to claim now; 0 if that is too few for a claim.

        `horizon`: the latest start that is known. `admits`: how many calls the lane's refill lets start from then on
        until HORIZON_SECONDS. `loading`: items claimed whose start is not known. `lanes`: how many share this process.
        """
        if horizon - now >= LOW_SECONDS:
            return 0
        most = self._most // lanes
        ahead, beside = admits - loading, max(min(most, FEWEST), most - self._too_many) - leased
        few = ahead < self._worth(admits) or beside < self._worth(leased)
        if min(ahead, beside) < 1 or (few and now - self._claimed_at < SOON_SECONDS):
            return 0
        return min(self._size, ahead, beside)

    def claimed(self, now: float, horizon: float, *, full: bool) -> None:
        """Note a claim; `full`: it found as many items as wanted. The next claim is twice as large.

        It is half as large if the claim before this one reached too far ahead.
        """
        if horizon - self._claimed_at > HORIZON_SECONDS:
            self._size = max(1, self._size // 2)
        elif full:
            self._size = min(LARGEST, self._size * 2)
        self._claimed_at = now

    def ended(self, seconds: float) -> None:
        """Note how long a call took. Where calls get slow, fewer are made, so that they do not time out."""
        change = 8 if seconds > self._long_seconds else -1
        self._too_many = min(self._most, max(0, self._too_many + change))

    def _worth(self, of: int) -> int:
        """The least size of a claim: one costs the database as much as twenty results."""
        return min(self._size, max(1, of // 4))
