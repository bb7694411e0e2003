"""Deliveries to webhooks: a due one is leased by moving its next attempt into the future."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

LEASE_SECONDS = 60


@dataclass(frozen=True)
class Due:
    """A leased delivery: what to send, where, signed with which secret."""

    id: UUID
    tenant_id: str
    event_id: UUID
    url: str
    host: str
    body: bytes
    secret: str
    attempts: int


LOOKED_AT = 1_000
"""Due messages that a claim chooses from."""

_HOST = "coalesce(lower(substring(d.url FROM '^[^:]+://([^/?#]*)')), '')"

# Hosts that have all that they may are passed over, so that they do not stand before the others.
_CLAIM = text(f"""
    WITH busy AS (SELECT * FROM unnest(CAST(:hosts AS text[]), CAST(:counts AS int[])) AS b(host, many)),
    due AS (
        SELECT d.id, d.next_attempt_at, {_HOST} AS host FROM deliveries d
        WHERE d.status = 'pending' AND d.next_attempt_at <= now()
          AND {_HOST} NOT IN (SELECT host FROM busy WHERE many >= :most)
        ORDER BY d.next_attempt_at LIMIT :looked_at),
    numbered AS (SELECT *, row_number() OVER (PARTITION BY host ORDER BY next_attempt_at, id) AS place FROM due),
    chosen AS (
        SELECT d.id, n.host FROM deliveries d JOIN numbered n ON n.id = d.id LEFT JOIN busy b ON b.host = n.host
        WHERE n.place <= :most - coalesce(b.many, 0) AND d.status = 'pending' AND d.next_attempt_at <= now()
        ORDER BY n.next_attempt_at LIMIT :want FOR UPDATE OF d SKIP LOCKED)
    UPDATE deliveries d SET next_attempt_at = now() + :seconds * interval '1 second', attempts = attempts + 1
    FROM chosen, events e, tenants t
    WHERE d.id = chosen.id AND e.id = d.event_id AND t.id = d.tenant_id
    RETURNING d.id, d.tenant_id, d.event_id, d.url, chosen.host, e.body, t.webhook_secret AS secret, d.attempts
""")

_ATTEMPT = text("""
    INSERT INTO delivery_attempts (tenant_id, delivery_id, status, error, duration_ms, delivered)
    VALUES (:tenant_id, :id, :status, :error, :duration_ms, :delivered)
""")

_SET = text("""
    UPDATE deliveries SET status = :state, next_attempt_at = now() + CAST(:wait AS interval)
    WHERE id = :id AND attempts = :attempts AND status = 'pending'
""")

_DUE = text("SELECT EXISTS (SELECT 1 FROM deliveries WHERE status = 'pending' AND next_attempt_at <= now())")


async def claim(engine: AsyncEngine, want: int, busy: Mapping[str, int], most: int) -> Sequence[Due]:
    """Take due deliveries; should this worker die, they are due again after a minute.

    `busy`: how many are under way to which hosts. With these there are never more than `most` to one host.
    """
    values = {
        "want": want,
        "hosts": list(busy),
        "counts": list(busy.values()),
        "most": most,
        "looked_at": LOOKED_AT,
        "seconds": LEASE_SECONDS,
    }
    async with engine.begin() as connection:
        rows = await connection.execute(_CLAIM, values)
        return [Due(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


async def record(
    engine: AsyncEngine,
    due: Due,
    *,
    status: int | None,
    error: str | None,
    duration_ms: int,
    wait: timedelta | None,
) -> None:
    """Store one attempt: delivered if `error` is None; otherwise due again after `wait`, or given up (None)."""
    state = "delivered" if error is None else "pending" if wait is not None else "failed"
    attempt = {
        "id": due.id,
        "tenant_id": due.tenant_id,
        "status": status,
        "error": error,
        "duration_ms": duration_ms,
        "delivered": error is None,
    }
    async with engine.begin() as connection:
        await connection.execute(_ATTEMPT, attempt)
        values = {"id": due.id, "attempts": due.attempts, "state": state, "wait": wait}
        await connection.execute(_SET, values)


async def are_due(engine: AsyncEngine) -> bool:
    """Whether any delivery waits for a worker now."""
    async with engine.connect() as connection:
        return bool((await connection.execute(_DUE)).scalar_one())
