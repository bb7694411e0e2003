"""What the executors of all lanes share in one process."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from vision.images.source import Images
from vision.limiter import Limiter
from vision.provider.catalogue import Provider
from vision.provider.client import Client
from vision.storage.queue.leases import Lessee
from worker.dispatch.leases import Leases
from worker.dispatch.marks import Marks
from worker.dispatch.memory_budget import MemoryBudget
from worker.dispatch.recorder import Recorder
from worker.pacing.loop_lag import LoopLag


@dataclass(frozen=True)
class ProcessContext:
    """Connections, budgets and limits, and whom to ask and to tell.

    `client`: the one of a provider. `lanes`: how many are worked on. `stopped`: whether the process stops. `look`: ask
    the database for stopped jobs and outages now. `when_changed`: a lane is down or back. `when_paused`: its jobs are.
    """

    engine: AsyncEngine
    limiter: Limiter
    images: Images
    leases: Leases
    marks: Marks
    recorder: Recorder
    threads: ThreadPoolExecutor
    memory: MemoryBudget
    loop_lag: LoopLag
    lessee: Lessee
    max_attempts: int
    most_calls: int
    call_timeout_seconds: float
    client: Callable[[Provider], Client]
    lanes: Callable[[], int]
    stopped: Callable[[], bool]
    look: Callable[[], Awaitable[None]]
    when_changed: Callable[[], None]
    when_paused: Callable[[], Awaitable[None]]
