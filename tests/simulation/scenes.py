"""Whole runs on the simulated clock: workers of several processes, a provider, maybe somebody else on its key."""

import asyncio
import random
from collections import deque
from dataclasses import dataclass

from pydantic import SecretStr

from tests.fakes.stranger import Stranger
from tests.simulation.provider import Charge, Provider
from tests.simulation.workers import EPOCH, Item, Process, work
from vision.prices import PriceSchedule
from vision.provider.catalogue.lane import Lane
from vision.provider.catalogue.lane import Provider as Account
from vision.provider.limits import Limit

TPM = 2_000_000
IMAGES = (285, 285, 640, 1_105, 1_530, 2_900)


def lane(rpm: int = 1_000_000, tpm: int = TPM, max_in_flight: int | None = None) -> Lane:
    """A lane with these limits."""
    account = Account("fake", "http://fake.example/v1", SecretStr("x"), "chat", "url")
    return Lane("fake/m", account, "m", Limit(rpm, tpm), "none", PriceSchedule("m"), None, max_in_flight=max_in_flight)


def items(seconds: float, full: float, charge: Charge, dice: random.Random) -> "deque[Item]":
    """Mixed sizes that use up the bucket and so many seconds of refill."""
    found: deque[Item] = deque()
    left = (full + seconds / 60) * TPM
    while left > 0:
        image, answer = dice.choice(IMAGES), max(1, min(300, round(dice.gauss(40, 9))))
        found.append(Item(image + 300, image + 60, image + answer))
        left -= found[-1].most if charge == "max" else found[-1].usage
    return found


KNOWN = """
local supply = {tokens = ARGV[2] * (2000000 - 3400), requests = ARGV[2] * (1000000 - 1700)}
redis.call('HSET', KEYS[1], 'lane', cmsgpack.pack({frame = 'known', at = tonumber(ARGV[1]), mode = 'max', known = true,
  sure = 0, paused = 0, filled = 0, open = {}, kept = 0, supply = supply,
  spent = {tokens = 0, requests = 0}, stated = {}}))
"""


async def know(process: Process, full: float) -> None:
    """As if the lane had long been in use."""
    await process.loop.ask(process.redis.eval(KNOWN, 1, "tessera:lane:4:{fake/m}", EPOCH, full))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Ran:
    """How a run went. `used`: of what the bucket gave until our last call. `factor`, `others`: what was learned."""

    refused: int
    used: float
    factor: float
    others: int


async def run_all(
    redis_url: str, provider: Provider, queue: "deque[Item]", *, known: bool, stranger: Stranger | None = None
) -> Ran:
    """Two processes see all items through."""
    every = [Process(redis_url, lane(provider.rpm, provider.tpm), provider, queue, seed=number) for number in range(2)]
    if known:
        await know(every[0], provider.full)
    other = asyncio.create_task(stranger.run()) if stranger else None
    await work(every)
    if other:
        other.cancel()
    state = await every[0].state()
    for process in every:
        await process.close()
    charged = provider.charged + (stranger.charged(provider.last) if stranger else 0)
    gave = provider.full * provider.tpm + provider.last * provider.tpm / 60
    return Ran(len(provider.refused), charged / gave, state.charge_factor, state.tokens_for_others)
