"""Figures for Prometheus, read from the record at each scrape."""

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from vision.lifecycle import TERMINAL, ItemStatus, JobStatus
from vision.storage import jobs


async def exposition(engine: AsyncEngine, tenant: str) -> tuple[bytes, str]:
    """The page and its media type."""
    registry = CollectorRegistry()
    by_job = Gauge("tessera_jobs", "Jobs by status.", ["status"], registry=registry)
    by_item = Gauge("tessera_items", "Items by status.", ["status"], registry=registry)
    async with engine.connect() as connection:
        rows = {row["status"]: row for row in await jobs.counts_by_status(connection, tenant)}
        in_flight = sum((await jobs.in_flight_by_lane(connection, tenant)).values())
    for status in JobStatus:
        by_job.labels(status).set(rows[status]["jobs"] if status in rows else 0)
    waiting = sum(_rest(row) for status, row in rows.items() if status not in TERMINAL)
    items = {
        ItemStatus.QUEUED: max(0, waiting - in_flight),
        ItemStatus.IN_FLIGHT: in_flight,
        ItemStatus.SUCCEEDED: sum(row["succeeded"] for row in rows.values()),
        ItemStatus.FAILED: sum(row["failed"] for row in rows.values()),
        ItemStatus.CANCELLED: _rest(rows.get(JobStatus.CANCELLED)),
        ItemStatus.EXPIRED: _rest(rows.get(JobStatus.EXPIRED)),
    }
    for item_status, count in items.items():
        by_item.labels(item_status).set(count)
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _rest(row: RowMapping | None) -> int:
    """Items without a result."""
    return int(row["items"] - row["succeeded"] - row["failed"]) if row else 0
