"""The memory budget for images."""

import asyncio

from worker.dispatch.memory_budget import GUESS, MemoryBudget


async def test_items_wait_until_there_is_budget() -> None:
    budget, inside, most = MemoryBudget(3 * GUESS), 0, 0

    async def item(size: int) -> None:
        nonlocal inside, most
        async with budget.share() as share:
            inside += 1
            most = max(most, inside)
            share.holds(size)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*[item(GUESS) for _ in range(20)])
    assert most == 3
    assert inside == 0


async def test_small_items_make_budget_for_more_and_a_huge_one_goes_in_alone() -> None:
    budget = MemoryBudget(2 * GUESS)
    entered = []

    async def item(name: str, size: int, done: asyncio.Event) -> None:
        async with budget.share() as share:
            entered.append(name)
            share.holds(size)
            await done.wait()

    done = asyncio.Event()
    small = [asyncio.create_task(item(f"small{n}", 10, done)) for n in range(50)]
    await turns()
    assert len(entered) == 50, "as many as fit by their true size"
    done.set()
    await asyncio.gather(*small)
    blocked = asyncio.Event()
    huge = asyncio.create_task(item("huge", 10 * GUESS, blocked))
    await turns()
    after = asyncio.create_task(item("after", 10, blocked))
    await turns()
    assert entered[-1] == "huge"
    blocked.set()
    await asyncio.gather(huge, after)
    assert entered[-1] == "after"


async def test_one_who_leaves_the_queue_takes_no_budget() -> None:
    budget = MemoryBudget(GUESS)
    async with budget.share():
        waiting = asyncio.create_task(budget.share().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
    async with asyncio.timeout(60), budget.share():
        pass


async def turns() -> None:
    """Let all run that can: whoever is let in lets the next one in, a turn of the loop later."""
    for _ in range(1_000):
        await asyncio.sleep(0)
