"""What is shown of a lane."""

from collections.abc import Mapping
from dataclasses import dataclass

from vision.limiter.limits import Bucket, Limit


@dataclass(frozen=True)
class LaneState:
    """A lane as it stands now. Negative `*_left` are promised to calls that wait for the refill.

    `*_per_minute`: the limits in force, as the provider told them if it did. `mode`: what we think that it charges, the
    most that a call may use (`max`) or what it used (`usage`). `waiting_seconds`: how far ahead starts are promised.
    """

    tokens_left: int
    requests_left: int
    tokens_last_minute: int
    requests_last_minute: int
    throttled: int
    paused_seconds: float
    tokens_per_minute: int
    requests_per_minute: int
    waiting_seconds: float
    mode: str


def read(stored: Mapping[bytes, bytes], limit: Limit, now: float, tokens: int, requests: int) -> LaneState:
    """From what Redis has of a lane; `tokens` and `requests` are those of the last minute."""
    levels = {bucket.name: _level(stored, bucket, limit, now) for bucket in limit.buckets}
    waits = [-level * bucket.window / most for bucket in limit.buckets for most, level in [levels[bucket.name]]]
    return LaneState(
        tokens_left=int(levels["tokens"][1]),
        requests_left=int(levels["requests"][1]),
        tokens_last_minute=tokens,
        requests_last_minute=requests,
        throttled=int(stored.get(b"throttled", 0)),
        paused_seconds=max(0.0, float(stored.get(b"paused", 0)) - now),
        tokens_per_minute=levels["tokens"][0],
        requests_per_minute=levels["requests"][0],
        waiting_seconds=max(0.0, *waits),
        mode=stored.get(b"mode", b"max").decode(),
    )


def _level(stored: Mapping[bytes, bytes], bucket: Bucket, limit: Limit, now: float) -> tuple[int, float]:
    """The limit in force, and the level; a bucket of which nothing is known is full."""
    told = int(stored.get(f"{bucket.name}.told".encode(), 0))
    most = told if told and (told < bucket.limit or limit.assumed) else bucket.limit
    line, spent = (stored.get(f"{bucket.name}.{part}".encode()) for part in ("line", "spent"))
    if line is None or spent is None:
        return most, most
    elapsed = max(0.0, now - float(stored[b"at"]))
    filled = float(stored.get(b"filled", 0)) if bucket.name == "tokens" else 0.0
    return most, min(most, float(line) - filled - float(spent) + elapsed * most / bucket.window)
