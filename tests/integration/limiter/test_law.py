"""The law, on a simulated clock: the real pacer and scripts against a provider that refuses whatever passes its limit.

Nothing refused: no span of time ever held more than the limit. Nearly nothing left after the last call: none that could
start has waited.
"""

import asyncio
import random
from collections import deque
from itertools import product

import pytest

from tests.simulation.clock import run
from tests.simulation.provider import Charge, Provider, Tells
from tests.simulation.scenes import IMAGES, TPM, items, know, lane
from tests.simulation.workers import Item, Process, work

CLOSE = 1.003


async def saturate(
    redis_url: str, processes: int, charge: Charge, full: float, *, jitter: float = 0.0, seed: int = 1
) -> tuple[float, Provider]:
    """Time until the last call was let in, as a part of the least that the limit allows; the level is known."""
    provider = Provider(1_000_000, TPM, charge, full=full, latency=(0.3, 0.3 + jitter), seed=seed)
    queue = items(60, full, charge, random.Random(seed))
    every = [Process(redis_url, lane(), provider, queue, seed=number) for number in range(processes)]
    await know(every[0], full)
    await work(every)
    for process in every:
        await process.close()
    least = (provider.charged - full * TPM) * 60 / TPM + provider.delay[0]
    return provider.last / least, provider


@pytest.mark.parametrize(("processes", "charge", "full"), [*product((1, 2, 4), ("usage", "max"), (1.0, 0.0))])
def test_the_limit_is_filled_and_nothing_is_refused(
    redis_url: str, processes: int, charge: Charge, full: float
) -> None:
    took, provider = run(saturate(redis_url, processes, charge, full))
    assert provider.refused == []
    assert took <= CLOSE


@pytest.mark.parametrize("charge", ["usage", "max"])
def test_answers_that_come_when_they_like_change_nothing(redis_url: str, charge: Charge) -> None:
    took, provider = run(saturate(redis_url, 2, charge, 1.0, jitter=2.0))
    assert provider.refused == []
    assert took <= CLOSE


async def unknown(redis_url: str, full: float, tells: Tells, seed: int) -> tuple[float, Provider]:
    """The same on a lane that was never used, by a job of one process whose answers come out of turn."""
    provider = Provider(
        1_000_000, TPM, "max", tells, full=full, delay=(0.002, 0.005), latency=(0.1, 0.5), seed=seed
    )  # fmt: skip
    process = Process(redis_url, lane(), provider, items(60, full, "max", random.Random(seed)), seed=seed)
    await work([process])
    await process.close()
    return provider.last - (provider.charged - full * TPM) * 60 / TPM, provider


@pytest.mark.parametrize(("full", "tells", "seed"), [*product((0.0, 1.0), ("admission", "answer"), range(3))])
def test_a_lane_is_learned_without_a_refusal_whatever_its_headers_tell(
    redis_url: str, full: float, tells: Tells, seed: int
) -> None:
    lost, provider = run(unknown(redis_url, full, tells, seed))
    assert provider.refused == []
    assert lost <= 0.5


async def below(redis_url: str, more: int, tells: Tells) -> tuple[float, Provider]:
    """A lane of its own limits, which are far below those that the provider states; how long its job takes too long."""
    provider = Provider(1_000_000, more * TPM, "max", tells, full=1.0, latency=(0.1, 0.5))
    process = Process(redis_url, lane(), provider, items(30, 1.0, "max", random.Random(1)), seed=1)
    await work([process])
    await process.close()
    return provider.last - (provider.charged - TPM) * 60 / TPM, provider


@pytest.mark.parametrize(("more", "tells"), [*product((2, 500), ("admission", "answer"))])
def test_a_lane_below_the_providers_limit_goes_at_its_own(redis_url: str, more: int, tells: Tells) -> None:
    lost, provider = run(below(redis_url, more, tells))
    assert provider.refused == []
    assert -0.5 <= lost <= 2.5


async def several(redis_url: str, seed: int) -> Provider:
    """A random schedule: sizes, latencies, delays on the way, a lane known or not, deaths of processes."""
    dice = random.Random(seed)
    rpm, tpm = dice.choice([600, 6_000]), dice.choice([200_000, 2_000_000])
    charge: Charge = dice.choice(["usage", "max"])
    provider = Provider(
        rpm,
        tpm,
        charge,
        full=dice.choice([0.3, 1.0]),
        delay=(0.005, dice.choice([0.02, 0.1])),
        latency=dice.choice([(0.3, 0.3), (0.1, 1.0), (0.5, 3.0)]),
        seed=seed,
    )
    queue = deque(Item(image + 300, image + 60, image + 40) for image in dice.choices(IMAGES, k=tpm // 1_000))
    every = [Process(redis_url, lane(rpm, tpm), provider, queue, seed=number) for number in range(dice.choice([1, 3]))]
    running = [asyncio.create_task(process.run()) for process in every]
    if len(every) > 1:
        await asyncio.sleep(dice.uniform(0.5, 20))
        running.pop().cancel()
        every[-1].kill()
    await asyncio.gather(*running)
    for process in every:
        await process.close()
    return provider


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(4, 12))])
def test_no_schedule_is_ever_refused(redis_url: str, seed: int) -> None:
    assert run(several(redis_url, seed)).refused == []


def test_what_a_dead_process_reserved_comes_back(redis_url: str) -> None:
    async def one_dies() -> tuple[float, Provider]:
        provider = Provider(1_000_000, TPM, "max", full=0.0)
        queue = items(60, 0.0, "max", random.Random(3))
        every = [Process(redis_url, lane(), provider, queue, seed=number) for number in range(2)]
        await know(every[0], 0.0)
        running = [asyncio.create_task(process.run()) for process in every]
        await asyncio.sleep(10)
        running.pop().cancel()
        every[1].kill()
        await asyncio.gather(*running)
        for process in every:
            await process.close()
        return provider.last - provider.charged * 60 / TPM, provider

    lost, provider = run(one_dies())
    assert provider.refused == []
    assert lost <= 0.3


def test_a_lane_that_is_lost_and_unknown_again_is_learned_without_a_refusal(redis_url: str) -> None:
    async def flushed() -> Provider:
        provider = Provider(1_000_000, TPM, "usage", full=1.0)
        queue = items(30, 1.0, "usage", random.Random(5))
        every = [Process(redis_url, lane(), provider, queue, seed=number) for number in range(2)]
        running = [asyncio.create_task(process.run()) for process in every]
        await asyncio.sleep(15)
        await every[0].loop.ask(every[0].redis.flushall())
        await asyncio.gather(*running)
        for process in every:
            await process.close()
        return provider

    provider = run(flushed())
    assert provider.refused == []
    assert provider.last <= (provider.charged - TPM) * 60 / TPM + 1.0


def test_calls_in_flight_stay_within_their_limit(redis_url: str) -> None:
    async def flying() -> Provider:
        provider = Provider(1_000_000, TPM, "usage")
        queue = items(0, 0.2, "usage", random.Random(7))
        every = [Process(redis_url, lane(max_in_flight=7), provider, queue, seed=number) for number in range(3)]
        await work(every)
        for process in every:
            await process.close()
        return provider

    assert run(flying()).most_in_flight == 7
