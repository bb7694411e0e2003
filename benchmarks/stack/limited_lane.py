"""A lane with a limit at the fake provider: set its bucket before a measurement, read its totals afterwards."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.stack.client import ApiClient, sized
from benchmarks.stack.service import KEY, MODEL, PRESET, UNLIMITED, Service, running
from tests.fakes import FakeProcess, start
from vision import presets
from vision.tokens import count_image, find_rule
from vision.tokens.text import call_tokens

LIMITED, DETAIL = "gpt-5.6-luna", "original"
"""This model charges images by their size, without a ceiling."""
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
        """Seconds that the refill takes for these calls and tokens."""
        return max(calls * 60 / self.rpm if self.rpm else 0.0, tokens * 60 / self.tpm if self.tpm else 0.0, 0.0)


@dataclass(frozen=True)
class Level:
    """What the provider's bucket held at `at` (epoch seconds)."""

    at: float
    requests: float
    tokens: float


@dataclass(frozen=True)
class LaneTotals:
    """The provider's totals of the lane since the start; instants in epoch seconds."""

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
    """About what the fake charges for an item, to find the size of a job; `lane_totals` has the actual charge."""
    preset = presets.get(PRESET)
    output = preset.max_output_tokens if behaviour == "max" else ANSWER
    image = count_image(find_rule(LIMITED), DETAIL, *size).tokens
    return image + call_tokens(preset.render("en"), preset.schema) + output


@contextmanager
def limited(limit: Limit, workers: int, *fake: str) -> Iterator[tuple[Service, FakeProcess]]:
    """The service with this lane, and one without a limit to warm everything up on."""
    configured = f"{LIMITED}={limit.rpm}/{limit.tpm}"
    lanes = {LIMITED: (limit.rpm or UNLIMITED, limit.tpm or UNLIMITED), MODEL: (UNLIMITED, UNLIMITED)}
    with (
        start("provider", "--key", KEY, "--limit", configured, *fake) as provider,
        running(provider, workers=workers, limits=lanes) as service,
    ):
        yield service, provider


def others(provider: FakeProcess, until: float) -> int:
    """Tokens that somebody else on the key took until then (epoch seconds)."""
    return sum(tokens for at, tokens in provider.get("/_/stranger") if at <= until)


def share(start_from: str) -> float:
    """How full the bucket is, or was when the warm-up on this lane began."""
    return 0.0 if start_from.endswith("empty") else 1.0


async def prepare(start_from: str, client: ApiClient, provider: FakeProcess, workers: int) -> None:
    """Warm up, and bring the bucket to where the measurement starts."""
    await _work(client, MODEL, 64 * workers)
    provider.post("/_/levels", {"share": share(start_from)})
    if not start_from.startswith("new-"):
        await _work(client, LIMITED, max(SEEN, 2 * workers))
        if share(start_from):
            await asyncio.sleep(3)  # both buckets are full again, and the dispatchers still awake
    provider.post("/_/forget")


async def _work(client: ApiClient, model: str, items: int) -> None:
    detail = DETAIL if model == LIMITED else "high"
    job = await client.submit(sized([SMALL] * items), model=model, detail=detail)
    await client.finished(job["id"])


def level(provider: FakeProcess, limit: Limit, start_from: str) -> Level:
    """What the bucket holds now, and when: the start of the measurement."""
    levels: dict[str, Any] = provider.get("/_/levels")
    for lane in levels["lanes"]:
        if lane["model"] == LIMITED:
            return Level(levels["at"], lane["requests"], lane["tokens"])
    return Level(levels["at"], share(start_from) * limit.rpm, share(start_from) * limit.tpm)


def lane_totals(provider: FakeProcess) -> LaneTotals:
    """The limited lane's totals since the log was last emptied."""
    [lane] = [one for one in provider.get("/_/stats?window=1")["lanes"] if one["model"] == LIMITED]
    return LaneTotals(
        lane["calls"],
        lane["tokens"],
        lane["rate_limited"],
        lane["max_in_flight"],
        lane["first_admitted"],
        lane["last_admitted"],
        lane["last_ended"],
        lane["windows"],
    )
