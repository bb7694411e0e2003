"""The provider's limiter: buckets that refill continuously, which predicts captured 429s to the millisecond."""

from dataclasses import dataclass

UNLIMITED = 1_000_000_000


class Bucket:
    """Capacity = the limit per minute; refill = limit / 60 per second; starts full, or with a `share` of it."""

    __slots__ = ("_at", "_level", "limit")

    def __init__(self, limit: int, now: float, share: float = 1.0) -> None:
        self.limit = limit or UNLIMITED
        self._level = share * self.limit
        self._at = now

    def remaining(self, now: float) -> float:
        """What may be taken at `now` (monotonic seconds)."""
        if now > self._at:
            self._level = min(self.limit, self._level + (now - self._at) * self.limit / 60)
            self._at = now
        return self._level

    def take(self, now: float, amount: float) -> None:
        """Charge; never below empty."""
        self._level = max(0.0, self.remaining(now) - amount)

    def fill(self, now: float, share: float) -> None:
        """Hold this share of the limit; a bucket without a limit stays full."""
        self._level, self._at = (1.0 if self.limit == UNLIMITED else share) * self.limit, now

    def resize(self, now: float, limit: int) -> None:
        """Change the limit; what was used stays used."""
        used = self.limit - self.remaining(now)
        self.limit = limit or UNLIMITED
        self._level = max(0.0, self.limit - used)

    def used(self, now: float) -> int:
        """As 429 texts state it. Rounded to a thousandth first, so that float dust does not count as one more."""
        return self.limit - int(self.remaining(now) + 0.001)

    def reset_milliseconds(self, now: float) -> int:
        """Until full again: (limit - remaining) / limit * 60 s, truncated."""
        return int((self.limit - self.remaining(now)) * 60_000 / self.limit)


def wait_milliseconds(limit: int, used: int, requested: int) -> int:
    """(used + requested - limit) / limit * 60 s, truncated as the provider does; 0 when it fits."""
    return max(0, (used + requested - limit) * 60_000 // limit)


def go_duration(milliseconds: int) -> str:
    """Go's text of a duration: `0s`, `6ms`, `18.642s`, `6m0s`, `1h0m0.5s`."""
    if milliseconds == 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + seconds


@dataclass(slots=True)
class Refusal:
    """Why a call is not admitted: a 429's type and numbers. `wait` is None when it never fits."""

    kind: str
    limit: int
    used: int
    requested: int
    wait: int | None


class Lane:
    """The two buckets of one API key and model; `share` is how full they are at `now`, where there is a limit."""

    def __init__(self, rpm: int, tpm: int, now: float, share: float = 1.0) -> None:
        self.requests = Bucket(rpm, now, share if rpm else 1.0)
        self.tokens = Bucket(tpm, now, share if tpm else 1.0)

    def refusal(self, now: float, tokens: int) -> Refusal | None:
        """None when a call of this many tokens may start at `now`; charges nothing."""
        if tokens > self.tokens.limit:
            return Refusal("tokens", self.tokens.limit, 0, tokens, None)
        for kind, bucket, amount in (("requests", self.requests, 1), ("tokens", self.tokens, tokens)):
            if bucket.remaining(now) + 0.001 < amount:
                used = bucket.used(now)
                wait = wait_milliseconds(bucket.limit, used, amount)
                return Refusal(kind, bucket.limit, used, amount, wait)
        return None

    def charge(self, now: float, tokens: int) -> None:
        """Take one request and its tokens."""
        self.requests.take(now, 1)
        self.tokens.take(now, tokens)

    def headers(self, now: float) -> dict[str, str]:
        """The six x-ratelimit headers (facts §3.3)."""
        found = {}
        for kind, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            found[f"x-ratelimit-limit-{kind}"] = str(bucket.limit)
            found[f"x-ratelimit-remaining-{kind}"] = str(int(bucket.remaining(now) + 0.001))
            found[f"x-ratelimit-reset-{kind}"] = go_duration(bucket.reset_milliseconds(now))
        return found
