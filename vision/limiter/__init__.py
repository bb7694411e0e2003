"""The rate limit of a lane, shared by all processes."""

from vision.limiter.limiter import LaneState, Limit, Limiter, Settlement, connect

__all__ = ["LaneState", "Limit", "Limiter", "Settlement", "connect"]
