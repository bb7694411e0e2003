"""Figures for Prometheus, read from the record at each scrape."""

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from api import lane_states
from api.lifespan import ApiServices
from vision.jobs.lifecycle import TERMINAL, ItemStatus, JobStatus
from vision.storage.queue import outages
from vision.storage.reports import jobs
from vision.storage.reports.jobs import StatusCounts

LANE_FIGURES = {
    "requests_per_minute_limit": "Requests per minute that the lane may make.",
    "tokens_per_minute_limit": "Tokens per minute that the lane may use.",
    "in_flight": "Items in workers' hands.",
    "down": "1 while the provider does not answer and calls wait for its return, else 0.",
    "tokens_left": "Tokens that calls may start with now; below zero, promised to calls that wait.",
    "requests_left": "Calls that may start now; below zero, promised to calls that wait.",
    "tokens_last_minute": "Tokens used in the last minute.",
    "requests_last_minute": "Calls made in the last minute.",
    "throttled": "Calls that the provider has refused by its limit (429).",
    "paused_seconds": "Seconds until the lane goes on after a 429.",
    "tokens_per_minute": "Tokens per minute in force, as the provider states them if it does.",
    "requests_per_minute": "Requests per minute in force, as the provider states them if it does.",
    "charge_factor": "Tokens that the provider takes for one of our count.",
    "tokens_for_others": "Tokens kept back for what others who use the key are seen to take.",
    "waiting_seconds": "How far ahead starts are promised to calls that wait.",
}


async def exposition(services: ApiServices, tenant: str) -> tuple[bytes, str]:
    """The page and its media type."""
    registry = CollectorRegistry()
    async with services.engine.connect() as connection:
        counts = await jobs.counts_by_status(connection, tenant)
        in_flight = await jobs.in_flight_by_lane(connection, tenant)
        down = {outage.lane for outage in await outages.every(connection)}
    _count_jobs(registry, counts, sum(in_flight.values()))
    await _count_lanes(registry, services, in_flight, down)
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _count_jobs(registry: CollectorRegistry, counts: Mapping[str, StatusCounts], in_flight: int) -> None:
    by_job = Gauge("tessera_jobs", "Jobs by status.", ["status"], registry=registry)
    by_item = Gauge("tessera_items", "Items by status.", ["status"], registry=registry)
    for status in JobStatus:
        by_job.labels(status).set(counts[status].jobs if status in counts else 0)
    waiting = sum(each.rest for status, each in counts.items() if status not in TERMINAL)
    items = {
        ItemStatus.QUEUED: max(0, waiting - in_flight),
        ItemStatus.IN_FLIGHT: in_flight,
        ItemStatus.SUCCEEDED: sum(each.succeeded for each in counts.values()),
        ItemStatus.FAILED: sum(each.failed for each in counts.values()),
        ItemStatus.CANCELLED: _rest(counts.get(JobStatus.CANCELLED)),
        ItemStatus.EXPIRED: _rest(counts.get(JobStatus.EXPIRED)),
    }
    for item_status, count in items.items():
        by_item.labels(item_status).set(count)


async def _count_lanes(
    registry: CollectorRegistry, services: ApiServices, in_flight: Mapping[str, int], down: Set[str]
) -> None:
    """Each lane's limits, and all numbers that the limiter has of it; a lane whose state is not known shows none."""
    figures: dict[str, dict[str, float]] = defaultdict(dict)
    states = await lane_states.now(services)
    for name, lane in services.context.catalogue.lanes.items():
        figures["requests_per_minute_limit"][name] = lane.limit.rpm
        if lane.limit.tpm is not None:
            figures["tokens_per_minute_limit"][name] = lane.limit.tpm
        figures["in_flight"][name] = in_flight.get(name, 0)
        figures["down"][name] = name in down
        state = states[name]
        for field, value in asdict(state).items() if state else ():
            if isinstance(value, int | float):
                figures[field][name] = value
    for field, values in figures.items():
        kind = Counter if field == "throttled" else Gauge
        metric = kind(f"tessera_lane_{field}", LANE_FIGURES.get(field, field), ["lane"], registry=registry)
        for name, value in values.items():
            metric.labels(name).inc(value)


def _rest(counts: StatusCounts | None) -> int:
    return counts.rest if counts else 0
