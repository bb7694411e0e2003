"""What the attempts of one process on one lane share."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vision.images.source import Images
from vision.provider.catalogue import Lane
from vision.provider.client import Client
from worker.dispatch.breaker import Breaker
from worker.dispatch.lane_dialect import LaneDialect
from worker.dispatch.leases import Leases
from worker.dispatch.marks import Marks
from worker.dispatch.memory_budget import MemoryBudget
from worker.pacing.pacer import Pacer


@dataclass(frozen=True)
class LaneContext:
    """Handed down by the process; `threads` are for what would keep its loop from anything else."""

    lane: Lane
    client: Client
    pacer: Pacer
    breaker: Breaker
    dialect: LaneDialect
    images: Images
    leases: Leases
    marks: Marks
    threads: ThreadPoolExecutor
    memory: MemoryBudget
    max_attempts: int
