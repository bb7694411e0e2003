"""One lane with a limit at the fake provider, filled or emptied before a measurement, and what it then let through."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.stack.client import Door, sized
from benchmarks.stack.service import KEY, MODEL, PRESET, UNLIMITED, Service, running
from tests.fakes import FakeProcess, start
from vision import presets
from vision.tokens import count_image, find_rule
from vision.tokens.text import call_tokens

LIMITED, DETAIL = "gpt-5.6-luna", "original"
"""Images are charged by their size here, without a ceiling that would make large ones alike."""
SMALL = (512, 512)
ANSWER = 140
"""Tokens that the fake writes for an image."""
SEEN = 24
"""Answers on a lane that has been used before: from 20 on, Tessera knows how long they are."""
STARTS = ("full", "empty", "new-full", "new-empty")
"""How full the provider's bucket is at the start; `new`: Tessera has never called on this lane."""


@dataclass(frozen=True)
class Limit:
    """Requests and tokens per minute; 0 is none."""

    rpm: int
    tpm: int

    def least_seconds(self, calls: float, tokens: float) -> float:
        """How long the refill takes for so much."""
        return max(calls * 60 / self.rpm if self.rpm else 0.0, tokens * 60 / self.tpm if self.tpm else 0.0, 0.0)


@dataclass(frozen=True)
class Level:
    """What the provider's bucket held at `at` (epoch seconds)."""

    at: float
    requests: float
    tokens: float


@dataclass(frozen=True)
class Through:
    """What the provider let through on the lane since the start; instants in epoch seconds."""

    calls: int
    tokens: int
    refused: int
    max_in_flight: int
    first_admitted: float
    last_admitted: float
    last_ended: float
    seconds: list[dict[str, int]]
    """Second by second: start, calls, tokens."""


@cache
def charge(size: tuple[int, int], behaviour: str) -> int:
    """About what the fake charges for an item, to find how many items a job needs; what it did charge is asked."""
    preset = presets.get(PRESET)
    output = preset.max_output_tokens if behaviour == "max" else ANSWER
    image = count_image(find_rule(LIMITED), DETAIL, *size).tokens
    return image + call_tokens(preset.render("en"), preset.schema) + output


@contextmanager
def limited(limit: Limit, workers: int, *fake: str) -> Iterator[tuple[Service, FakeProcess]]:
    """The service with this lane, and one without a limit to warm everything up on."""
    told = f"{LIMITED}={limit.rpm}/{limit.tpm}"
    lanes = {LIMITED: (limit.rpm or UNLIMITED, limit.tpm or UNLIMITED), MODEL: (UNLIMITED, UNLIMITED)}
    with (
        start("provider", "--key", KEY, "--limit", told, *fake) as provider,
        running(provider, workers=workers, limits=lanes) as service,
    ):
        yield service, provider


def others(provider: FakeProcess, until: float) -> int:
    """Tokens that somebody else on the key took until then (epoch seconds)."""
    return sum(tokens for at, tokens in provider.get("/_/stranger") if at <= until)


def share(start_from: str) -> float:
    """How full the bucket is, or was when the warm-up on this lane began."""
    return 0.0 if start_from.endswith("empty") else 1.0


async def prepare(start_from: str, door: Door, provider: FakeProcess, workers: int) -> None:
    """Warm up, and bring the bucket to where the measurement starts."""
    await _work(door, MODEL, 64 * workers)
    provider.post("/_/levels", {"share": share(start_from)})
    if not start_from.startswith("new-"):
        await _work(door, LIMITED, max(SEEN, 2 * workers))
        if share(start_from):
            await asyncio.sleep(3)  # both buckets are full again, and the dispatchers still awake
    provider.post("/_/forget")


async def _work(door: Door, model: str, items: int) -> None:
    detail = DETAIL if model == LIMITED else "high"
    job = await door.submit(sized([SMALL] * items), model=model, detail=detail)
    await door.finished(job["id"])


def level(provider: FakeProcess, limit: Limit, start_from: str) -> Level:
    """What the bucket holds now: from here the clock runs."""
    told: dict[str, Any] = provider.get("/_/levels")
    for lane in told["lanes"]:
        if lane["model"] == LIMITED:
            return Level(told["at"], lane["requests"], lane["tokens"])
    return Level(told["at"], share(start_from) * limit.rpm, share(start_from) * limit.tpm)


def through(provider: FakeProcess) -> Through:
    """The limited lane's totals since the log was last emptied."""
    [lane] = [one for one in provider.get("/_/stats?window=1")["lanes"] if one["model"] == LIMITED]
    return Through(
        lane["calls"],
        lane["tokens"],
        lane["rate_limited"],
        lane["max_in_flight"],
        lane["first_admitted"],
        lane["last_admitted"],
        lane["last_ended"],
        lane["windows"],
    )
