"""Events on their way to webhooks: due ones are leased by pushing their next attempt away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

LEASE_SECONDS = 60


@dataclass(frozen=True)
class Due:
    """A delivery in this worker's hands: what to send, where, signed with which secret."""

    id: UUID
    tenant_id: str
    event_id: UUID
    url: str
    body: bytes
    secret: str
    attempts: int


_CLAIM = text("""
    WITH due AS (
        SELECT id FROM deliveries WHERE status = 'pending' AND next_attempt_at <= now()
        ORDER BY next_attempt_at LIMIT :want FOR UPDATE SKIP LOCKED)
    UPDATE deliveries d SET next_attempt_at = now() + :seconds * interval '1 second', attempts = attempts + 1
    FROM due, events e, tenants t
    WHERE d.id = due.id AND e.id = d.event_id AND t.id = d.tenant_id
    RETURNING d.id, d.tenant_id, d.event_id, d.url, e.body, t.webhook_secret AS secret, d.attempts
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


async def claim(engine: AsyncEngine, want: int) -> Sequence[Due]:
    """Take due deliveries; should this worker die, they are due again after a minute."""
    async with engine.begin() as connection:
        rows = await connection.execute(_CLAIM, {"want": want, "seconds": LEASE_SECONDS})
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
