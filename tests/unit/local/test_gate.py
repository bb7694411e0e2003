"""Work beyond the limit is refused at once, in words that a rate-limit reader understands."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator

import pytest

from local.errors import WireError
from local.gate import Gate


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate(threads=1, max_requests=2, max_bytes=1_000)
    yield gate
    gate.close()


async def here() -> bool:
    return False


async def gone() -> bool:
    return True


async def test_a_full_gate_refuses_with_the_time_to_wait(gate: Gate) -> None:
    async with gate.admit(1), gate.admit(1):
        with pytest.raises(WireError) as caught:
            await gate.admit(1).__aenter__()
    error = caught.value
    assert (error.status, error.kind, error.code) == (429, "requests", "rate_limit_exceeded")
    assert re.search(r"Limit 2, Used 2, Requested 1\. Please try again in [\d.]+s\.$", error.message)
    assert error.retry_after is not None
    async with gate.admit(1):
        pass


async def test_bytes_are_bounded_too(gate: Gate) -> None:
    async with gate.admit(900):
        with pytest.raises(WireError):
            await gate.admit(101).__aenter__()


async def test_no_more_calls_run_at_once_than_there_are_threads(gate: Gate) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1

    await asyncio.gather(*(gate.run(call, unless=here) for _ in range(5)))
    assert most == 1


async def test_nothing_is_computed_for_a_caller_who_left(gate: Gate) -> None:
    with pytest.raises(WireError) as caught:
        await gate.run(lambda: pytest.fail("computed"), unless=gone)
    assert caught.value.status == 499
    assert await gate.run(lambda: "next", unless=here) == "next"
