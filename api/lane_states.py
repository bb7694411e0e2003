"""The present state of each lane by the limiter, and the pace at which it works."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING
from uuid import UUID

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.jobs.reports.fair_share import Work, until_done
from vision.jobs.reports.job_report import JobReport
from vision.jobs.reports.remaining_work import remaining_work
from vision.limiter import LaneState, Limiter
from vision.provider.catalogue import Lane
from vision.provider.limits import Limit
from vision.storage.reports import jobs

if TYPE_CHECKING:
    from api.lifespan import ApiServices

FRESH_SECONDS, PATIENCE_SECONDS = 1.0, 0.3


async def now(services: "ApiServices") -> dict[str, LaneState | None]:
    """The state of each lane, by name; None while Redis cannot be reached."""
    lanes = services.context.catalogue.lanes.values()
    states = await asyncio.gather(*(_state(services, lane) for lane in lanes))
    return {lane.name: state for lane, state in zip(lanes, states, strict=True)}


@dataclass(frozen=True)
class Pace:
    """A lane's limit in force, the rest of its pause in seconds, and the remaining work of each job on it, by id."""

    limit: Limit
    paused_seconds: float = 0
    work: Mapping[UUID, Work] = field(default_factory=dict)

    def seconds_until_done(self, job: JobReport) -> int | None:
        """Seconds at the limit in force, beside the other jobs; None if the job is over, paused, or waits."""
        if job.waits:
            return None
        others = (each for job_id, each in self.work.items() if job_id != job.id)
        calls, tokens = until_done(remaining_work(job), others)
        return ceil(self.paused_seconds) + self.limit.seconds(ceil(calls), ceil(tokens))


class Paces:
    """The pace of each lane, read once a second at most, so that polling stays cheap."""

    def __init__(self, engine: AsyncEngine, limiter: Limiter) -> None:
        self._engine, self._limiter = engine, limiter
        self._known: dict[str, tuple[float, Pace]] = {}

    async def of(self, lane: Lane) -> Pace:
        """The lane's pace. Never fails: without an answer in time, the configured limit counts."""
        at, pace = self._known.get(lane.name, (-FRESH_SECONDS, None))
        if pace is None or monotonic() - at >= FRESH_SECONDS:
            pace = await self._look(lane)
            self._known[lane.name] = monotonic(), pace
        return pace

    def last(self, lane: Lane) -> Pace:
        """The lane's pace as it was last read."""
        return self._known.get(lane.name, (0.0, Pace(lane.limit)))[1]

    async def _look(self, lane: Lane) -> Pace:
        pace = Pace(lane.limit)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                state = await self._limiter.state(lane.name, lane.limit)
            tpm, rpm = max(1, state.tokens_per_minute), max(1, state.requests_per_minute)
            pace = Pace(replace(lane.limit, tpm=tpm, rpm=rpm), state.paused_seconds)
            async with self._engine.connect() as connection:
                found = await jobs.open_on_lane(connection, lane.name)
            return replace(pace, work={job.id: remaining_work(job) for job in found})
        except (RedisError, SQLAlchemyError, OSError):  # a timeout is an OSError
            return pace


async def _state(services: "ApiServices", lane: Lane) -> LaneState | None:
    try:
        return await services.limiter.state(lane.name, lane.limit)
    except (RedisError, OSError):
        return None
