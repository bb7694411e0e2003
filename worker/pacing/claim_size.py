"""How many items to claim next: enough to keep the lane filled, few enough that the order between jobs stays fresh.

How many calls are in flight follows, by Little's law: those that start in the next 0.8 seconds, and those that have
started and not ended, which are as many as the lane's rate times the provider's latency.
"""

HORIZON_SECONDS = 0.8
"""Claim no further ahead of the lane's refill than this."""
LOW_SECONDS = 0.4
"""Claim again when what is claimed does not reach further than this: a few claims a second, whatever the rate."""
SOON_SECONDS = 0.1
"""A few items are claimed no sooner than this after the last claim."""
FIRST, LARGEST = 8, 128
FEWEST = 64
"""So many calls may be in flight however long they take."""


class ClaimSize:
    """The size of claims, of one lane in one process. Times are the event loop's."""

    def __init__(self, most: int, deadline_seconds: float) -> None:
        self._most = most
        self._long_seconds = deadline_seconds / 2
        self._too_many = 0
        self._size = FIRST
        self._claimed_at = float("inf")  # never

    def wants(self, now: float, *, horizon: float, admits: int, coming: int, in_hand: int, lanes: int = 1) -> int:
        """How many to claim now; 0 while that is none, or too few to be worth a claim.

        `horizon`: the latest start that is known. `admits`: how many calls the lane's refill lets start from then on
        until HORIZON_SECONDS. `coming`: items claimed whose start is not known. `lanes`: how many share this process.
        """
        if horizon - now >= LOW_SECONDS:
            return 0
        most = self._most // lanes
        ahead, beside = admits - coming, max(min(most, FEWEST), most - self._too_many) - in_hand
        few = ahead < self._worth(admits) or beside < self._worth(in_hand)
        if min(ahead, beside) < 1 or (few and now - self._claimed_at < SOON_SECONDS):
            return 0
        return min(self._size, ahead, beside)

    def claimed(self, now: float, horizon: float, *, full: bool) -> None:
        """Items were claimed, `full`: as many as were wanted. The next time twice as many are.

        Unless the claim before this one reached too far ahead: then half as many.
        """
        if horizon - self._claimed_at > HORIZON_SECONDS:
            self._size = max(1, self._size // 2)
        elif full:
            self._size = min(LARGEST, self._size * 2)
        self._claimed_at = now

    def ended(self, seconds: float) -> None:
        """A call took so long. Where more calls only take longer, fewer are made: they must not run into deadlines."""
        change = 8 if seconds > self._long_seconds else -1
        self._too_many = min(self._most, max(0, self._too_many + change))

    def _worth(self, of: int) -> int:
        """A claim costs the database about as much as twenty results: a quarter of what there is, to be worth it."""
        return min(self._size, max(1, of // 4))
