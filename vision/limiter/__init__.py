"""The rate limit of a lane, shared by all processes."""

from vision.kinds import Demand
from vision.limiter.limiter import CONCURRENCY_SECONDS, Limiter, Refused, Reserved, Sample, Settlement, connect
from vision.limiter.schedule import Schedule, Slot
from vision.limiter.state import LaneState

__all__ = [
    "CONCURRENCY_SECONDS",
    "Demand",
    "LaneState",
    "Limiter",
    "Refused",
    "Reserved",
    "Sample",
    "Schedule",
    "Settlement",
    "Slot",
    "connect",
]
