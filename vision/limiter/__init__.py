"""The rate limit of a lane, shared by all processes."""

from vision.limiter.limiter import Ask, LaneState, Limiter, Reserved, Sample, Settlement, connect
from vision.limiter.limits import Limit
from vision.limiter.line import Line, Place

__all__ = ["Ask", "LaneState", "Limit", "Limiter", "Line", "Place", "Reserved", "Sample", "Settlement", "connect"]
