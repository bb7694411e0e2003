"""The rate limit of a lane, shared by all processes."""

from vision.limiter.limiter import FLIGHT_SECONDS, Ask, Limiter, Refused, Reserved, Sample, Settlement, connect
from vision.limiter.line import Line, Place
from vision.limiter.state import LaneState

__all__ = [
    "FLIGHT_SECONDS",
    "Ask",
    "LaneState",
    "Limiter",
    "Line",
    "Place",
    "Refused",
    "Reserved",
    "Sample",
    "Settlement",
    "connect",
]
