"""A process that does not keep up knows it."""

import asyncio
import subprocess
import sys
import time

from worker.pacing.loop_lag import LATE_SECONDS, LOOK_SECONDS, LoopLag


async def test_a_loop_that_is_held_up_is_late_until_it_runs_again() -> None:
    lag = LoopLag()
    keeping = asyncio.create_task(lag.keep())
    await asyncio.sleep(0)
    assert not lag.high
    time.sleep(LOOK_SECONDS + 2 * LATE_SECONDS)
    async with asyncio.timeout(60):
        while not lag.high:
            await asyncio.sleep(0)
        while lag.high:  # for as long as the machine holds it up
            await asyncio.sleep(LOOK_SECONDS)
    keeping.cancel()


def test_as_many_connections_as_the_system_allows() -> None:
    code = (
        "import resource; from worker.process.descriptors import allow\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 600))\n"
        "print(allow(50), allow(100), allow(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.split() == ["50", "100", "400", "600"]
