"""What is left of every lane's limit now, by the limiter's own count."""

import asyncio

from redis.exceptions import RedisError

from api.resources import Resources
from vision.limiter import LaneState
from vision.provider.catalogue import Lane


async def now(opened: Resources) -> dict[str, LaneState | None]:
    """The state of each lane, by name; None while Redis cannot be reached."""
    lanes = opened.desk.catalogue.lanes.values()
    states = await asyncio.gather(*(_state(opened, lane) for lane in lanes))
    return {lane.name: state for lane, state in zip(lanes, states, strict=True)}


async def _state(opened: Resources, lane: Lane) -> LaneState | None:
    try:
        return await opened.limiter.state(lane.name, lane.limit)
    except (RedisError, OSError):
        return None
